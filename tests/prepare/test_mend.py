"""Meshes from elsewhere: small holes are covered and said, large ones are refused with their place."""

from dataclasses import replace

import manifold3d
import numpy as np
import pytest
from blocks import textured_pillar
from shapes import figure

from slipcast.core.errors import StageFailed
from slipcast.core.values import Figurine, Mesh
from slipcast.mesh.topology import closedness
from slipcast.prepare.base import BaseOptions
from slipcast.prepare.body import Body, body_from_mesh
from slipcast.prepare.hollow import HollowOptions
from slipcast.prepare.mend import join_bodies, make_solid, mend
from slipcast.prepare.print import PrintOptions, print_figurine


def without(figurine: Figurine, drop: np.ndarray) -> Figurine:
    """The figurine less some faces."""
    mesh = replace(figurine.mesh, faces=figurine.mesh.faces[~drop], source=figurine.mesh.source[~drop])
    return replace(figurine, mesh=mesh, uv=figurine.uv[~drop])


def hole(figurine: Figurine, reach_m: float) -> Figurine:
    """The figurine with a hole at its front, halfway up."""
    middle = figurine.mesh.vertices[figurine.mesh.faces].mean(1)
    top = middle[:, 1].max()
    at = middle[np.argmax(middle[:, 2] - 10 * np.abs(middle[:, 1] - top / 2))]
    return without(figurine, np.linalg.norm(middle - at, axis=1) < reach_m)


def test_what_is_whole_is_left_alone() -> None:
    whole = figure("knight")
    same, report = mend(whole)
    assert report is None
    assert same is whole


def test_a_small_hole_is_covered_and_said() -> None:
    whole = figure("knight")
    broken = hole(whole, 0.005)
    assert closedness(broken.mesh).open_edges > 0
    mended, report = mend(broken)
    state = closedness(mended.mesh)
    assert state.closed
    assert report is not None
    assert report.holes == 1
    assert report.covered_mm2 > 5
    assert 0 <= report.deviation_mm < 3
    assert state.volume_m3 == pytest.approx(closedness(whole.mesh).volume_m3, rel=0.03)
    made = print_figurine(broken, PrintOptions(base=BaseOptions(shape="none")))
    assert made.sound
    assert "PRINT_MENDED" in {entry.code for entry in made.findings}
    assert made.describe()["mended"] is not None


def test_a_large_hole_is_refused_with_its_place() -> None:
    with pytest.raises(StageFailed, match=r"hole of \d+\.\d mm at the front.*mm high"):
        mend(hole(figure("knight"), 0.02))


def test_an_inside_out_mesh_is_turned() -> None:
    whole = figure("knight")
    mesh = replace(whole.mesh, faces=np.ascontiguousarray(whole.mesh.faces[:, ::-1]))
    mended, report = mend(replace(whole, mesh=mesh, uv=np.ascontiguousarray(whole.uv[:, ::-1])))
    assert closedness(mended.mesh).volume_m3 > 0
    assert report is not None
    assert report.turned


def test_vertices_that_lie_together_are_joined() -> None:
    whole = figure("knight")
    faces = np.arange(3 * len(whole.mesh.faces), dtype=np.int32).reshape(-1, 3)
    loose = Mesh(
        vertices=(whole.mesh.vertices[whole.mesh.faces].reshape(-1, 3) * np.float32(1 + 1e-8)),
        faces=faces,
        source=whole.mesh.source,
    )
    made = print_figurine(replace(whole, mesh=loose), PrintOptions(base=BaseOptions(shape="none")))
    assert made.sound


def test_faces_that_look_different_ways_are_turned() -> None:
    whole = textured_pillar()
    faces, uv = whole.mesh.faces.copy(), whole.uv.copy()
    faces[::7], uv[::7] = faces[::7, ::-1], uv[::7, ::-1]
    mended, report = mend(replace(whole, mesh=replace(whole.mesh, faces=faces), uv=uv))
    assert report is not None
    assert (report.turned, report.holes) == (len(faces[::7]), 0)
    assert np.array_equal(mended.uv, whole.uv), "a face's texture turns with it"
    assert closedness(mended.mesh) == closedness(whole.mesh)
    made = print_figurine(replace(whole, mesh=replace(whole.mesh, faces=faces), uv=uv), PrintOptions())
    told = next(entry.message for entry in made.findings if entry.code == "PRINT_MENDED")
    assert told.endswith(f"{report.turned} turned outward")


def test_one_of_two_bodies_is_turned_alone() -> None:
    pair = beside(textured_pillar(), (0.030, 0, 0))
    faces = pair.mesh.faces.copy()
    small = slice(len(faces) // 2, None)
    faces[small] = faces[small, ::-1]
    mended, report = mend(replace(pair, mesh=replace(pair.mesh, faces=faces)))
    assert report is not None
    assert report.turned == len(faces) // 2
    assert closedness(mended.mesh) == closedness(pair.mesh)


def test_what_has_but_one_side_is_refused_with_what_is_wrong_alone() -> None:
    """A Klein bottle: a torus whose end is joined to its beginning mirrored."""
    across, around = 12, 24
    u, v = np.meshgrid(np.arange(around), np.arange(across), indexing="ij")
    angle, turn = u * np.pi * 2 / around, v * np.pi * 2 / across
    sway = np.cos(angle / 2) * np.sin(turn) - np.sin(angle / 2) * np.sin(2 * turn)
    rise = np.sin(angle / 2) * np.sin(turn) + np.cos(angle / 2) * np.sin(2 * turn)
    points = np.stack([(3 + sway) * np.cos(angle), rise, (3 + sway) * np.sin(angle)], 2).reshape(-1, 3) / 100

    def at(i: np.ndarray, k: np.ndarray) -> np.ndarray:
        return np.where(i < around, i * across + k % across, -k % across)

    a, b, c, d = at(u, v).ravel(), at(u + 1, v).ravel(), at(u + 1, v + 1).ravel(), at(u, v + 1).ravel()
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int32)
    mesh = Mesh(vertices=points.astype(np.float32), faces=faces, source=np.zeros(len(faces), np.uint8))
    whole = replace(textured_pillar(), mesh=mesh, uv=np.zeros((len(faces), 3, 2), np.float32))
    with pytest.raises(StageFailed, match="cannot be closed") as told:
        mend(whole)
    assert " 0 " not in str(told.value), "what is not wrong is not told"


def test_faces_as_thin_as_a_line_are_opened() -> None:
    whole = textured_pillar()
    mesh, (a, b, c) = whole.mesh, whole.mesh.faces[0]
    middle = len(mesh.vertices)
    # A vertex on the edge that only one of its faces knows: the gap between is a face without height.
    faces = np.concatenate([mesh.faces[1:], [[a, middle, c], [middle, b, c], [a, b, middle]]]).astype(
        np.int32
    )
    points = np.concatenate([mesh.vertices, mesh.vertices[[a, b]].mean(0, keepdims=True)])
    source = np.zeros(len(faces), np.uint8)
    made = replace(
        whole,
        mesh=Mesh(vertices=points.astype(np.float32), faces=faces, source=source),
        uv=np.zeros((len(faces), 3, 2), np.float32),
    )
    assert closedness(made.mesh).slivers == 1
    mended, report = mend(made)
    assert report is not None
    assert closedness(mended.mesh).closed
    assert closedness(mended.mesh).volume_m3 == pytest.approx(closedness(whole.mesh).volume_m3, rel=1e-5)


def test_bodies_that_overlap_become_one() -> None:
    statue = textured_pillar()
    body = body_from_mesh(statue.mesh, statue.uv)
    both = manifold3d.Manifold.compose([body.solid, body.solid.translate((10.0, 0, 0))])
    joined = join_bodies(Body(both, body.origins))
    assert joined.volume_mm3 == pytest.approx(40 * 20 * 60, rel=1e-4)


def test_a_solid_is_made_of_what_is_open_and_overlaps() -> None:
    whole = figure("knight")
    same, found = make_solid(whole)
    assert same is whole
    assert found == ()
    one, two = hole(whole, 0.005), figure("knight")
    vertices = np.concatenate([one.mesh.vertices, two.mesh.vertices + np.array([0.01, 0, 0], np.float32)])
    faces = np.concatenate([one.mesh.faces, two.mesh.faces + len(one.mesh.vertices)]).astype(np.int32)
    source = np.concatenate([one.mesh.source, two.mesh.source])
    both = replace(
        whole,
        mesh=Mesh(vertices=vertices, faces=faces, source=source),
        uv=np.concatenate([one.uv, two.uv]),
    )
    solid, found = make_solid(both)
    state = closedness(solid.mesh)
    assert state.closed
    assert [entry.code for entry in found] == ["PRINT_MENDED"]
    alone = closedness(whole.mesh).volume_m3
    assert alone < state.volume_m3 < 1.9 * alone, "what both hold is counted once"
    assert np.ptp(solid.mesh.vertices[:, 1]) == pytest.approx(np.ptp(whole.mesh.vertices[:, 1]), abs=1e-6)
    assert np.isfinite(solid.uv).all()


def beside(figurine: Figurine, *moves_m: tuple[float, float, float], scale: float = 0.2) -> Figurine:
    """The figurine with small copies of itself, each moved from its own place."""
    mesh, count = figurine.mesh, len(figurine.mesh.vertices)
    vertices = [mesh.vertices, *(mesh.vertices * scale + np.array(move, np.float32) for move in moves_m)]
    copies = 1 + len(moves_m)
    return replace(
        figurine,
        mesh=Mesh(
            vertices=np.concatenate(vertices).astype(np.float32),
            faces=np.concatenate([mesh.faces + k * count for k in range(copies)]).astype(np.int32),
            source=np.tile(mesh.source, copies),
        ),
        uv=np.tile(figurine.uv, (copies, 1, 1)),
    )


def test_a_piece_that_floats_is_a_warning_with_its_gap() -> None:
    """The pillar is 30 x 20 x 60 mm; its copies are a fifth of that."""
    pillar = textured_pillar()
    made = print_figurine(beside(pillar, (0, 0.0645, 0)), PrintOptions(base=BaseOptions(shape="none")))
    (found,) = (entry for entry in made.findings if entry.code == "PRINT_SEVERAL")
    assert found.values["count"] == 2
    assert found.values["gap_mm"] == pytest.approx(4.5, abs=0.01)
    assert "70 mm high" in str(found.values["place"])
    assert made.describe()["printability"]["status"] == "warning"  # type: ignore[index]
    assert made.sound


def test_of_several_pieces_the_farthest_is_told() -> None:
    pillar = textured_pillar()
    three = beside(pillar, (0.020, 0, 0), (-0.030, 0, 0))
    made = print_figurine(three, PrintOptions(base=BaseOptions(shape="none")))
    (found,) = (entry for entry in made.findings if entry.code == "PRINT_SEVERAL")
    assert found.values["count"] == 3
    assert found.values["gap_mm"] == pytest.approx(12, abs=0.01)
    assert "left" in str(found.values["place"])
    joined = print_figurine(three, PrintOptions(base=BaseOptions(shape="round", size_mm=80)))
    assert "PRINT_SEVERAL" not in {entry.code for entry in joined.findings}


def test_a_cavity_is_no_piece() -> None:
    made = print_figurine(textured_pillar(), PrintOptions(process="resin", hollow=HollowOptions()))
    assert "PRINT_SEVERAL" not in {entry.code for entry in made.findings}
