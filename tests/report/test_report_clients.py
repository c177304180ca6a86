"""The report and the index in a real browser, opened from the disk: headless Chromium, without a GPU."""

import shutil
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from clients.programs import HERE, call
from shapes import figure
from silhouettes import disc, flat, picture_of

from slipcast.checks.gates import parse_gates, pass_gates
from slipcast.checks.mesh import MeshLimits, check_figurine
from slipcast.core.values import U8, PointCloud
from slipcast.formats.table import EXPORTERS, ExportOptions
from slipcast.mesh.deviation import Deviation
from slipcast.pipeline import metadata
from slipcast.pipeline.preview import PreviewOptions, draw_preview
from slipcast.pipeline.recipe import Recipe
from slipcast.pipeline.result import Result
from slipcast.pipeline.run import STAGES
from slipcast.report.index import draw_index
from slipcast.report.report import draw_report
from slipcast.workspace.files import write

pytestmark = pytest.mark.clients

AWKWARD = "Käse №1 <b>&amp; “Löcher”</b>"


LEANING_UP = np.full((64, 64, 3), (128, 218, 218), np.uint8)
"""A normal map that leans every normal 45 degrees towards the bitangent, which is up on the test figure."""


def _result(name: str, gate: str = "", normal_map: U8 | None = None) -> Result:
    """The test figure in four hues with all that a report shows."""
    made = replace(figure(name, rings=60, segments=90), normal_map=normal_map)
    alpha = disc(128, 40)
    picture, depth = picture_of(alpha), flat(alpha, 0.9, 1.0)
    deviation = Deviation(largest_m=0.0001, mean_m=0.00001)
    judged = check_figurine(made, made.mesh, depth, picture, MeshLimits(), deviation)
    passages = pass_gates(judged.checks, parse_gates(gate))
    made = metadata.attach(made, picture=picture, depth=depth, recipe=Recipe(), deviation=deviation)
    exports = {"glb": EXPORTERS["glb"].export(made, ExportOptions())}
    return Result(
        figurine=made,
        original=picture,
        picture=picture,
        depth=depth,
        cloud=PointCloud(
            points=made.mesh.vertices, normals=made.mesh.vertices, colors=_gray(made), source=_none(made)
        ),
        checks=judged.checks,
        judged=judged,
        deviation=deviation,
        passages=passages,
        exports=exports,
        preview=draw_preview(made, picture, picture, PreviewOptions(panel_px=96)),
        metadata=metadata.describe(made, exports, checks=judged.checks, passages=passages),
        seconds=dict.fromkeys(STAGES, 0.5),
    )


def _gray(made: Any) -> Any:
    return (made.mesh.vertices * 0 + 128).astype("uint8")


def _none(made: Any) -> Any:
    return made.mesh.vertices[:, 0].astype("uint8") * 0


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What Chromium says of a report and of an index over three assets."""
    folder = tmp_path_factory.mktemp("page")
    for name, gate in (("owl", "thickness>=1m"), ("bear", ""), (AWKWARD.replace("/", ""), "")):
        result = _result(name, gate)
        write(result, folder, report=draw_report(result))
    report = next(folder.glob("K*.report.html"))
    (folder / "index.html").write_bytes(draw_index(folder))
    # The report alone, so that nothing beside it can be what it shows.
    alone = tmp_path_factory.mktemp("alone") / "page with spaces.report.html"
    shutil.copy(report, alone)
    relief = tmp_path_factory.mktemp("relief") / "relief.report.html"
    relief.write_bytes(draw_report(_result("owl", normal_map=LEANING_UP)))
    return call(["node", HERE / "report.mjs", alone, folder / "index.html", relief])


def test_nothing_leaves_the_page_and_nothing_complains(seen: list[dict[str, Any]]) -> None:
    for facts in seen:
        assert facts["errors"] == []
        assert facts["requests"] == []
        assert facts["broken"] == 0


def test_nothing_runs_over_the_edge_of_a_desk_or_a_phone(seen: list[dict[str, Any]]) -> None:
    for facts in seen:
        assert facts["overflow_px"] <= 0
        assert facts["overflow_small_px"] <= 0


def test_the_model_is_drawn_in_each_mode(seen: list[dict[str, Any]]) -> None:
    viewer = seen[0]["viewer"]
    assert viewer["state"] == "drawn"
    modes = viewer["modes"]
    assert list(modes) == ["texture", "shape", "normals", "thickness", "source", "wires"]
    for hue in ("red", "green", "blue", "yellow"):
        assert modes["texture"][hue] > 0.005 * modes["texture"]["all"], hue
    assert modes["shape"]["vivid"] < 0.02 * modes["shape"]["all"] < modes["normals"]["vivid"]
    assert modes["source"]["green"] > 0.02 * modes["source"]["all"], "the front is seen"
    assert len({mode["hash"] for mode in modes.values()}) == 6
    assert [modes[name]["legends"] for name in ("texture", "thickness", "source")] == [
        [],
        ["thickness"],
        ["source"],
    ]


def test_the_normal_map_is_shown_and_leans_the_right_way(seen: list[dict[str, Any]]) -> None:
    plain, leaning = (seen[k]["viewer"]["modes"] for k in (0, 2))
    for mode in ("texture", "shape", "normals"):
        assert plain[mode]["hash"] != leaning[mode]["hash"], mode
    # Normals are drawn in the camera's axes, where green is up.
    gained = (leaning["normals"]["greenness"] - plain["normals"]["greenness"]) / plain["normals"]["all"]
    assert gained > 5


def test_keys_turn_zoom_and_bring_back(seen: list[dict[str, Any]]) -> None:
    viewer = seen[0]["viewer"]
    keys = viewer["keys"]
    for before, key in (("home", "ArrowLeft"), ("ArrowLeft", "ArrowUp"), ("ArrowUp", "+"), ("+", "-")):
        assert keys[before]["hash"] != keys[key]["hash"], key
    assert keys["+"]["vivid"] > 1.1 * keys["ArrowUp"]["vivid"]
    for hue in (
        "red",
        "green",
        "yellow",
    ):  # not the same pixels: the focus ring, which is blue, is shown by now
        assert keys["0"][hue] == pytest.approx(keys["home"][hue], rel=0.02), hue
    assert viewer["arrowed"] == "shape"
    assert viewer["said"].startswith("turned to ")
    assert {"canvas", "spin", "home"} <= set(viewer["reached"])


def test_a_screen_reader_hears_names(seen: list[dict[str, Any]]) -> None:
    heard = [(role, name) for role, name in seen[0]["heard"]]
    assert {"heading", "radio", "button", "image", "application"} <= {role for role, _ in heard}
    for role, name in heard:
        if role in ("radio", "button", "image", "application", "link", "heading"):
            assert name.strip(), role
    assert any("Arrow keys turn it" in name for _, name in heard)
    assert any(role == "heading" and "Käse" in name for role, name in heard)


def test_the_index_sorts_filters_and_finds(seen: list[dict[str, Any]]) -> None:
    sheet = seen[1]["sheet"]
    assert sheet["first"][0] == "owl", "what misses a gate comes first"
    assert sheet["by_name"][:1] == ["bear"]
    assert sheet["missed"] == ["owl"]
    assert sheet["found"] == ["owl"]
    assert sheet["count"] == "1 of 3 shown"
    assert seen[0]["title"].startswith(AWKWARD.replace("/", ""))
