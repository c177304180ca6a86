"""bodies.py: what a body, a cavity and a shell that is inside out are, against shells with known answers."""

import numpy as np
import pytest
from shapes import cube, sphere

from slipcast.checks.mesh import check_oriented
from slipcast.checks.standing import check_islands
from slipcast.checks.verdict import Verdict
from slipcast.core.values import F32, I32, Mesh
from slipcast.mesh.bodies import find_bodies
from slipcast.mesh.topology import bodies_of, closedness, from_manifold, make_mesh, take_apart, to_manifold
from slipcast.reconstruct.simplify import _drop_crumbs


def part(
    side: float, x: float = 0, y: float = 0, z: float = 0, *, turned: bool = False, ball: bool = False
) -> Mesh:
    """A cube or ball, moved; `turned` looks inward."""
    shape = sphere(side / 2, 6, 8) if ball else cube(side)
    faces = shape.faces[:, ::-1] if turned else shape.faces
    return make_mesh(shape.vertices + np.array([x, y, z], np.float32), np.ascontiguousarray(faces))


def joined(*parts: Mesh) -> Mesh:
    before = np.cumsum([0, *(len(each.vertices) for each in parts)])
    faces = [each.faces + int(at) for each, at in zip(parts, before, strict=False)]
    return make_mesh(
        np.concatenate([each.vertices for each in parts]), np.concatenate(faces).astype(np.int32)
    )


@pytest.mark.parametrize("ball", [False, True])
@pytest.mark.parametrize(
    ("parts", "bodies", "around", "inside_out"),
    [
        ([(2, 0, 0, False)], 1, [-1], [False]),
        ([(2, 0, 0, True)], 1, [-1], [True]),
        ([(2, 0, 0, False), (1, 0, 0.5, True)], 1, [-1, 0], [False, False]),
        ([(2, 0, 0, False), (1, 0, 0.5, False)], 2, [-1, -1], [False, False]),
        ([(2, 0, 0, False), (1, 5, 0.5, True)], 2, [-1, -1], [False, True]),
        ([(2, 0, 0, True), (1, 5, 0.5, True)], 2, [-1, -1], [True, True]),
        ([(2, 0, 0, True), (1, 0, 0.5, False)], 2, [-1, -1], [True, False]),
        ([(2, 0, 0, True), (1, 0, 0.5, True)], 2, [-1, -1], [True, True]),
        ([(8, 0, 0, False), (6, 0, 1, True), (4, 0, 2, False), (2, 0, 3, True)], 2, [-1, 0, -1, 2], [False] * 4),
        ([(8, 0, 0, False), (2, -2, 3, True), (2, 2, 3, True), (1, 2, 9, True)], 2, [-1, 0, 0, -1], [0, 0, 0, 1]),
        ([(8, 0, 0, False), (6, 0, 1, True), (2, 0, 3, True)], 2, [-1, 0, -1], [False, False, True]),
        # A cavity where two bodies run through each other lies in both: the smaller is named.
        ([(4, 0, 0, False), (3, 3, 0, False), (0.4, 1.7, 1, True)], 2, [-1, -1, 1], [False] * 3),
    ],
)  # fmt: skip
def test_shells_in_shells(
    parts: list[tuple[float, float, float, bool]],
    bodies: int,
    around: list[int],
    inside_out: list[bool],
    ball: bool,
) -> None:
    made = [part(side, x, y, turned=turned, ball=ball) for side, x, y, turned in parts]
    mesh = joined(*made)
    found = find_bodies(mesh.vertices, mesh.faces)
    assert found.count == bodies
    assert found.around.tolist() == around
    assert found.inside_out.tolist() == inside_out
    signs = np.array([-1 if turned else 1 for *_, turned in parts])
    assert (np.sign(found.volume) == signs).all()
    assert (
        found.shell.tolist() == np.repeat(np.arange(len(made)), [len(each.faces) for each in made]).tolist()
    )
    assert found.body_areas.sum() == pytest.approx(found.area.sum())
    state = closedness(mesh)
    assert state.closed == (not any(inside_out))
    assert state.inside_out == sum(inside_out)


def test_what_is_found_does_not_depend_on_place_size_or_order() -> None:
    rng = np.random.default_rng(5)
    mesh = joined(part(8, ball=True), part(6, y=1, turned=True, ball=True), part(4, x=20, turned=True))
    for scale in (1e-4, 1.0, 1e5):
        turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        turn *= np.sign(np.linalg.det(turn))
        points = (mesh.vertices.astype(np.float64) @ turn + rng.normal(size=3)) * scale
        order = rng.permutation(len(mesh.faces))
        found = find_bodies(points, mesh.faces[order])
        volume = np.sort(found.volume) / scale**3
        assert (found.count, int(found.cavity.sum()), int(found.inside_out.sum())) == (2, 1, 1)
        assert np.sort(find_bodies(mesh.vertices, mesh.faces).volume) == pytest.approx(volume, rel=1e-4)


def test_against_the_winding_number_by_solid_angles() -> None:
    rng, judged = np.random.default_rng(11), 0
    for _ in range(30):
        parts = [
            part(
                float(rng.choice([0.2, 0.5, 1, 4])),
                *rng.uniform(-1.5, 1.5, 3),
                turned=bool(rng.random() < 0.5),
                ball=True,
            )
            for _ in range(6)
        ]
        found = find_bodies(*_arrays(joined(*parts)))
        for k in np.flatnonzero(found.volume < 0).tolist():
            each = parts[k]
            others = joined(*(other for at, other in enumerate(parts) if at != k))
            winding = _windings(others, each.vertices[each.faces])
            if len(winding) == 1:  # it runs through no other
                assert found.inside_out[k] == (winding.pop() < 1)
                judged += 1
    assert judged > 20


def test_an_open_sheet_has_no_inside_and_a_hole_does_not_hide_one() -> None:
    ball = part(2, ball=True, turned=True)
    assert find_bodies(ball.vertices, ball.faces[3:]).inside_out.tolist() == [True]
    flat = cube()
    assert not find_bodies(flat.vertices, flat.faces[:2, ::-1]).inside_out.any()
    assert find_bodies(flat.vertices, flat.faces[:0]).count == 0


def test_bodies_that_share_a_vertex_alone_are_two() -> None:
    mesh = joined(part(2), part(2, 2, 2, 2))
    assert bodies_of(mesh).count == 2


def test_one_of_two_bodies_inside_out_is_no_longer_hidden() -> None:
    mesh = joined(part(0.04), part(0.01, 0.05, turned=True))
    check = check_oriented(closedness(mesh))
    assert (check.score, check.verdict) == (0, Verdict.REJECT)
    assert check.values["inside_out"] == 1
    assert check.findings[0].message == "1 of the bodies is inside out: its faces look inward"


def test_a_cavity_is_sound_and_no_body_of_its_own() -> None:
    mesh = joined(part(0.04, ball=True), part(0.03, y=0.005, turned=True, ball=True))
    state = closedness(mesh)
    assert state.closed
    assert check_oriented(state).score == 1
    islands = check_islands(take_apart(mesh), np.ones((8, 8), bool))
    assert (islands.score, islands.values["bodies"], islands.values["cavities"]) == (1, 1, 1)
    assert islands.findings == ()


def test_repair_keeps_cavities_and_drops_crumbs_and_what_is_inside_out() -> None:
    parts = {
        "ball": part(0.04, ball=True),
        "cavity": part(0.02, y=0.01, turned=True, ball=True),
        "second": part(0.02, x=0.05, ball=True),
        "crumb": part(0.0005, x=-0.05),
        "pore": part(0.0005, y=0.035, turned=True),
        "turned": part(0.01, x=-0.07, turned=True),
    }
    solid = to_manifold(joined(*parts.values()))
    assert solid is not None
    made = bodies_of(from_manifold(_drop_crumbs(solid)))
    wanted = bodies_of(joined(parts["ball"], parts["cavity"], parts["second"]))
    assert sorted(made.volume) == pytest.approx(sorted(wanted.volume), rel=1e-3)
    assert (made.count, int(made.cavity.sum())) == (2, 1)


def _arrays(mesh: Mesh) -> tuple[F32, I32]:
    return mesh.vertices, mesh.faces


def _windings(mesh: Mesh, faces: F32) -> set[int]:
    """Winding numbers at the middles of faces (F,3,3), as sums of solid angles (van Oosterom and Strackee 1983)."""
    ray = mesh.vertices[mesh.faces].astype(np.float64) - faces.mean(axis=1)[:, None, None]
    a, b, c = (ray[:, :, k] for k in range(3))
    la, lb, lc = (np.linalg.norm(each, axis=2) for each in (a, b, c))
    top = np.einsum("nij,nij->ni", a, np.cross(b, c))
    dots = [np.einsum("nij,nij->ni", *pair) for pair in ((a, b), (b, c), (c, a))]
    low = la * lb * lc + dots[0] * lc + dots[1] * la + dots[2] * lb
    turns = np.arctan2(top, low).sum(axis=1) * 2 / (4 * np.pi)
    return {round(float(each)) for each in turns}
