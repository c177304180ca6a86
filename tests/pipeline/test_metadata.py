"""metadata.py: what it says about an asset is true, JSON-ready, and the same each time."""

import json
from dataclasses import replace

import numpy as np
import pytest
from shapes import cube, figure, sphere
from silhouettes import disc, flat, picture_of

from slipcast.checks.gates import parse_gates, pass_gates
from slipcast.checks.verdict import Check
from slipcast.core.findings import finding
from slipcast.core.values import Cutout, Elevation, Export, Figurine, Mesh, Source, View
from slipcast.depth.place import PlaceOptions
from slipcast.formats.table import EXPORTERS, ExportOptions
from slipcast.mesh.deviation import Deviation
from slipcast.mesh.topology import count_bodies, make_mesh, source_shares
from slipcast.pipeline.metadata import attach, describe
from slipcast.pipeline.recipe import Recipe

_PICTURE = Cutout(
    pixels=picture_of(disc(32, 10)).pixels,
    alpha=disc(32, 10),
    view=View.FRONT,
    source={"file": "owl.png", "sha256": "0" * 64},
    findings=(finding("SUBJECT_SEVERAL", {"count": 2}),),
)
_DEPTH = replace(flat(disc(32, 10), 90, 100), findings=(finding("DEPTH_PRIOR", {"ratio": "1.00"}),))
_DEVIATION = Deviation(largest_m=0.000123456, mean_m=0.0000054321)


def _attached(figurine: Figurine) -> Figurine:
    recipe = Recipe(place=PlaceOptions(height_m=0.075))
    return attach(figurine, picture=_PICTURE, depth=_DEPTH, recipe=recipe, deviation=_DEVIATION)


def _codes(figurine: Figurine) -> list[str]:
    return [entry.code for entry in figurine.findings]


def test_measures_are_those_of_the_mesh() -> None:
    known = _attached(figure()).provenance
    spread = np.ptp(figure().mesh.vertices, axis=0) * 1000
    assert known["box_mm"] == pytest.approx(
        {"width": spread[0], "height": spread[1], "depth": spread[2]}, abs=1e-3
    )
    assert known["height_mm"] == pytest.approx(75, abs=1e-3)
    assert known["depth_over_width"] == pytest.approx(spread[2] / spread[0], abs=1e-3)
    assert known["vertices"] == len(figure().mesh.vertices)
    assert known["faces"] == len(figure().mesh.faces)
    assert known["closed"] is True
    assert known["bodies"] == 1
    assert known["unit"] == "metre"
    assert known["deviation_mm"] == {"max": 0.1235, "mean": 0.0054}


def test_the_elevation_is_told_with_what_it_comes_from() -> None:
    depth = replace(
        _DEPTH, elevation=Elevation(degrees=12.0, likely_error_deg=4.2, source="seen", certainty=0.8)
    )
    made = attach(figure(), picture=_PICTURE, depth=depth, recipe=Recipe(), deviation=_DEVIATION)
    assert made.provenance["camera"] == {
        "elevation_deg": 12.0,
        "likely_error_deg": 4.2,
        "certainty": 0.8,
        "source": "seen",
    }


def test_volume_of_a_cube() -> None:
    solid = cube(0.02)
    of_cube = replace(figure(), mesh=solid, uv=np.zeros((len(solid.faces), 3, 2), np.float32))
    assert _attached(of_cube).provenance["volume_mm3"] == pytest.approx(8000, rel=1e-5)


def test_it_names_picture_model_and_every_option() -> None:
    known = _attached(figure()).provenance
    assert known["picture"] == {"file": "owl.png", "sha256": "0" * 64, "view": "front"}
    model = known["depth_model"]
    assert isinstance(model, dict)
    assert model["name"] == "test"
    assert model["licence"] == "Apache-2.0"
    options = known["options"]
    assert isinstance(options, dict)
    assert options["place"] == {"height_m": 0.075, "elevation_deg": None}
    assert options["formats"] == ["glb"]
    assert options["simplify"] == {"faces": 50_000}


def test_findings_of_all_stages_come_in_order() -> None:
    assert _codes(_attached(figure())) == [
        "SUBJECT_SEVERAL",
        "DEPTH_PRIOR",
        "BACK_INVENTED",
    ]


def test_an_open_mesh_and_two_bodies_are_measured() -> None:
    solid = cube()
    opened = Mesh(vertices=solid.vertices, faces=solid.faces[1:], source=solid.source[1:])
    made = _attached(replace(figure(), mesh=opened, uv=np.zeros((11, 3, 2), np.float32)))
    assert made.provenance["closed"] is False
    made = _attached(replace(figure(), mesh=_two_cubes(), uv=np.zeros((24, 3, 2), np.float32)))
    assert made.provenance["bodies"] == 2


def test_verdict_checks_and_gates_are_told() -> None:
    checks = (Check(name="iou", score=0.3, values={"iou": 0.86}), Check(name="agreement", score=None))
    passages = pass_gates(checks, parse_gates("iou>=0.95,iou>=80%"))
    known = describe(_attached(figure()), {}, checks=checks, passages=passages)
    assert known["verdict"] == "review"
    assert known["checks"] == {
        "iou": {"score": 0.3, "verdict": "review", "iou": 0.86},
        "agreement": {"score": None, "verdict": "approve"},
    }
    assert known["gates"] == [
        {"gate": "iou>=0.95", "measured": 0.86, "passed": False},
        {"gate": "iou>=80%", "measured": 0.86, "passed": True},
    ]


def _two_cubes() -> Mesh:
    solid = cube()
    return make_mesh(
        np.concatenate([solid.vertices, solid.vertices + np.float32(1)]),
        np.concatenate([solid.faces, solid.faces + len(solid.vertices)]).astype(np.int32),
    )


def test_bodies_are_counted() -> None:
    assert count_bodies(sphere()) == 1
    assert count_bodies(_two_cubes()) == 2
    assert count_bodies(make_mesh(np.zeros((3, 3), np.float32), np.zeros((0, 3), np.int32))) == 0


def test_shares_are_by_area_and_sum_to_one() -> None:
    solid = cube()
    source = np.full(12, int(Source.INVENTED), np.uint8)
    source[:2], source[2:6] = int(Source.SEEN), int(Source.MIRRORED)
    shares = source_shares(Mesh(vertices=solid.vertices, faces=solid.faces, source=source))
    assert shares[Source.SEEN] == pytest.approx(1 / 6)
    assert shares[Source.MIRRORED] == pytest.approx(1 / 3)
    assert shares[Source.INVENTED] == pytest.approx(1 / 2)
    assert shares[Source.BACK_VIEW] == 0
    assert sum(shares.values()) == pytest.approx(1)


def test_the_metadata_is_json_and_the_same_each_time() -> None:
    def told() -> str:
        made = _attached(figure())
        exports = {"glb": EXPORTERS["glb"].export(made, ExportOptions())}
        return json.dumps(describe(made, exports), allow_nan=False)

    assert told() == told()


def test_files_and_their_sizes_are_listed() -> None:
    made = _attached(figure())
    exports = {"obj": Export(files={"a.obj": b"12345", "a.png": b"1"}), "stl": Export(files={"a.stl": b""})}
    known = describe(made, exports)
    assert known["files"] == {"a.obj": 5, "a.png": 1, "a.stl": 0}
    assert known["texture_px"] == [256, 256]


def test_what_a_format_could_not_carry_is_told() -> None:
    lost = finding("TEXTURE_DROPPED", {"format": "stl"})
    known = describe(_attached(figure()), {"stl": Export(files={"a.stl": b""}, findings=(lost,))})
    findings = known["findings"]
    assert isinstance(findings, list)
    assert findings[-1]["code"] == "TEXTURE_DROPPED"
    assert "stl" in findings[-1]["message"]


def test_no_clock_no_path_no_machine() -> None:
    text = json.dumps(_attached(figure()).provenance)
    assert "/" not in text.replace("owl.png", "")
    for word in ("time", "date", "seconds", "host", "user"):
        assert word not in text
