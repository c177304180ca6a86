"""Faces for artists: evenly sized, in quads where they are asked for, shaded and coloured like the figurine."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from shapes import figure, sphere

from slipcast.cli.main import main
from slipcast.core.errors import BadInput
from slipcast.core.values import F64, Figurine, Mesh, Source
from slipcast.formats.fbx.read_nodes import Element, array, parse
from slipcast.formats.gltf.read_figurine import read_figurine
from slipcast.formats.table import EXPORTERS, ExportOptions
from slipcast.mesh import remesh as remeshing
from slipcast.mesh.close_holes import close_holes
from slipcast.mesh.remesh import remesh
from slipcast.mesh.sample import sample
from slipcast.mesh.topology import closedness
from slipcast.prepare.engine import EngineOptions, prepare_for_engine
from slipcast.prepare.topology import TopologyOptions, change_topology
from slipcast.texture.normal_map import Frames


@pytest.fixture(scope="module")
def whole() -> Figurine:
    """The test figure, finely meshed."""
    return figure("figurine", rings=80, segments=110)


@pytest.fixture(scope="module")
def in_quads(whole: Figurine) -> Figurine:
    """The same in quads, 3,000 triangles at most."""
    told = {"faces": len(whole.mesh.faces), "normal_map": {"made": False}}
    made, found = change_topology(replace(whole, provenance=told), TopologyOptions(kind="quads", faces=3000))
    assert not found
    return made


def test_what_is_told_is_of_the_new_faces(in_quads: Figurine) -> None:
    assert in_quads.provenance["faces"] == len(in_quads.mesh.faces)
    assert in_quads.provenance["normal_map"] == {"made": in_quads.normal_map is not None} == {"made": True}


def edges_of(mesh: Mesh) -> F64:
    """(3F,) lengths of the sides of triangles, diagonals of quads left out."""
    corner = mesh.vertices[mesh.faces].astype(np.float64)
    length = np.linalg.norm(corner - np.roll(corner, -1, axis=1), axis=2)
    keep = np.ones(length.shape, bool)
    keep[: 2 * mesh.quads : 2, 2] = False
    keep[1 : 2 * mesh.quads : 2, 0] = False
    return np.asarray(length[keep])


def test_a_remeshed_solid_is_closed_within_the_budget_and_of_quads(
    in_quads: Figurine, whole: Figurine
) -> None:
    mesh = in_quads.mesh
    assert closedness(mesh).closed
    assert 2000 < len(mesh.faces) <= 3000
    assert 2 * mesh.quads > 0.9 * len(mesh.faces)
    first, second = mesh.faces[: 2 * mesh.quads : 2], mesh.faces[1 : 2 * mesh.quads : 2]
    assert (first[:, 0] == second[:, 0]).all()
    assert (first[:, 2] == second[:, 1]).all()
    for end in (
        mesh.vertices.min(0) - whole.mesh.vertices.min(0),
        np.ptp(mesh.vertices, 0) - np.ptp(whole.mesh.vertices, 0),
    ):
        assert np.abs(end).max() < 1e-6  # as tall as before, feet on the ground
    told = in_quads.provenance["topology"]
    assert isinstance(told, dict)
    assert told["quads"] == mesh.quads
    assert 0 < told["deviation_mm"]["mean"] < 0.3


def test_faces_are_of_one_size(in_quads: Figurine, whole: Figurine) -> None:
    even, uneven = edges_of(in_quads.mesh), edges_of(whole.mesh)
    assert even.std() / even.mean() < 0.3 < uneven.std() / uneven.mean()


def test_triangles_meet_six_at_a_corner(whole: Figurine) -> None:
    made = remesh(whole.mesh, 3000, quads=False)
    assert made is not None
    mesh, _ = made
    assert mesh.quads == 0
    assert closedness(mesh).closed
    valence = np.bincount(mesh.faces.ravel())
    assert (valence == 6).mean() > 0.85


def test_the_same_input_gives_the_same_mesh() -> None:
    ball = sphere(rings=40, segments=60)
    one, other = remesh(ball, 1000, quads=True), remesh(ball, 1000, quads=True)
    assert one is not None
    assert other is not None
    assert one[0].vertices.tobytes() == other[0].vertices.tobytes()
    assert one[0].faces.tobytes() == other[0].faces.tobytes()


def test_it_is_coloured_as_before(in_quads: Figurine, whole: Figurine) -> None:
    middles = in_quads.mesh.vertices[in_quads.mesh.faces].mean(1)[::7]
    true = whole.mesh.vertices[whole.mesh.faces].mean(1)
    near = np.linalg.norm(true[None] - middles[:, None], axis=2).argmin(1)
    own = sample(in_quads.texture.pixels, in_quads.uv[::7].mean(1)).astype(float)
    wanted = sample(whole.texture.pixels, whole.uv[near].mean(1)).astype(float)
    assert np.median(np.abs(own - wanted).mean(1)) < 6


def test_with_its_map_it_is_shaded_like_the_one_of_many_faces(in_quads: Figurine, whole: Figurine) -> None:
    faces = np.arange(0, len(in_quads.mesh.faces), 3)
    weights = np.full((len(faces), 3), 1 / 3)
    middles = in_quads.mesh.vertices[in_quads.mesh.faces[faces]].mean(1)
    true = whole.mesh.vertices[whole.mesh.faces].mean(1)
    near = np.linalg.norm(true[None] - middles[:, None], axis=2).argmin(1)
    wanted = Frames(whole).plain(near, np.full((len(near), 3), 1 / 3))

    def mean_deg(normals: F64) -> float:
        return float(np.degrees(np.arccos(np.clip((normals * wanted).sum(1), -1, 1))).mean())

    plain, mapped = (
        mean_deg(how(faces, weights)) for how in (Frames(in_quads).plain, Frames(in_quads).map_normals)
    )
    assert mapped < 3 < 1.5 * plain


def test_no_two_faces_share_a_texel(in_quads: Figurine) -> None:
    size = np.array([in_quads.texture.width_px, in_quads.texture.height_px])
    corner = in_quads.uv.astype(np.float64) * size
    a, b = corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]
    area = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum() / 2
    middles = corner.mean(1).astype(int)
    places = np.unique(middles[:, 1] * size[0] + middles[:, 0])
    assert len(places) > 0.9 * len(middles)
    assert 0.3 < area / size.prod() < 0.9


def test_obj_and_fbx_keep_the_quads(in_quads: Figurine, tmp_path: Path) -> None:
    obj = next(iter(EXPORTERS["obj"].export(in_quads, ExportOptions()).files.values())).decode()
    sides = [len(line.split()) - 1 for line in obj.splitlines() if line.startswith("f ")]
    assert sides.count(4) == in_quads.mesh.quads
    assert sides.count(3) == len(in_quads.mesh.faces) - 2 * in_quads.mesh.quads
    fbx = next(iter(EXPORTERS["fbx"].export(in_quads, ExportOptions()).files.values()))
    (tmp_path / "a.fbx").write_bytes(fbx)
    found = [node for node in walk(parse(tmp_path / "a.fbx", fbx)) if node.name == "PolygonVertexIndex"]
    index = np.asarray(array(tmp_path / "a.fbx", found[0]), np.int32)
    ends = np.flatnonzero(index < 0)
    count = np.diff(ends, prepend=-1)
    assert (count == 4).sum() == in_quads.mesh.quads
    assert (count == 3).sum() == len(in_quads.mesh.faces) - 2 * in_quads.mesh.quads


def walk(element: Element) -> list[Element]:
    """An element and all below it."""
    return [element, *(each for child in element.children for each in walk(child))]


def test_thin_parts_are_not_lost_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes back is another shape, a ball: the figure stays, and says so."""
    ball = sphere(rings=20, segments=30)
    points = [f"v {x} {y} {z}" for x, y, z in ball.vertices * 1000]
    faces = [f"f {a + 1} {b + 1} {c + 1}" for a, b, c in ball.faces]
    other = remeshing._read("\n".join([*points, *faces]))
    monkeypatch.setattr(remeshing, "_run", lambda *_: other)
    whole = figure("figurine")
    made, found = change_topology(whole, TopologyOptions(kind="triangles", faces=2000))
    assert made is whole
    assert [entry.code for entry in found] == ["TOPOLOGY_FLOOR"]


def test_levels_and_hull_follow_the_new_faces(whole: Figurine) -> None:
    options = EngineOptions.parse(topology="triangles:2000", lods="1,0.5", collision="hull", occlusion=True)
    made, found = prepare_for_engine(whole, options)
    assert not found
    assert len(made.mesh.faces) <= 2000
    assert len(made.levels) == 1
    assert made.occlusion is not None


def test_a_hole_is_covered_and_a_crowded_edge_is_taken_out() -> None:
    ball = sphere(rings=12, segments=16)
    open_ = np.delete(ball.faces.astype(np.int64), [30, 31, 32, 60], axis=0)
    crowded = np.concatenate([open_, [[5, 6, 90]]])
    made = close_holes(ball.vertices.astype(np.float64), crowded)
    assert made is not None
    vertices, faces = made
    source = np.full(len(faces), int(Source.INVENTED), np.uint8)
    mesh = Mesh(vertices=vertices.astype(np.float32), faces=faces.astype(np.int32), source=source)
    assert closedness(mesh).closed


def test_a_mesh_says_how_many_quads_it_can_have() -> None:
    ball = sphere()
    with pytest.raises(ValueError, match="quads"):
        Mesh(vertices=ball.vertices, faces=ball.faces, source=ball.source, quads=len(ball.faces))


@pytest.mark.parametrize("text", ["hexagons", "quads:", "quads:many", "quads:10", "quads:-5", "quads:5e3"])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(BadInput, match=r"topology|kind|faces"):
        TopologyOptions.parse(text)


def test_the_command_line_writes_quads(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = next(
        iter(EXPORTERS["glb"].export(figure("knight", rings=60, segments=80), ExportOptions()).files.values())
    )
    asset = tmp_path / "knight.glb"
    asset.write_bytes(data)
    code = main(
        ["export", str(asset), "-f", "obj,glb", "--topology", "quads:2000", "-o", str(tmp_path / "out")]
    )
    assert code == 0
    said = capfd.readouterr()
    assert "Instant" not in said.out + said.err
    text = (tmp_path / "out" / "knight.obj").read_text()
    assert len(re.findall(r"^f \S+ \S+ \S+ \S+$", text, re.MULTILINE)) > 700
    again = read_figurine(tmp_path / "out" / "knight.glb")
    assert closedness(again.mesh).closed
    assert again.normal_map is not None
    assert main(["export", str(asset), "-f", "obj", "--topology", "hexagons"]) == 2
    assert "--topology" in capfd.readouterr().err
