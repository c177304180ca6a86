"""mesh/rasterize.py: every pixel agrees with a reference that tests each face against each pixel centre."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapes import sphere

from slipcast.core.values import F64, I32
from slipcast.mesh.rasterize import rasterize

_WIDE, _TALL = 24, 18


def _reference(screen: F64, z: F64, faces: I32) -> tuple[F64, F64]:
    """(H,W) nearest depth over all faces that look at the viewer (inf: none), how close pixels are to edges."""
    nearest = np.full((_TALL, _WIDE), np.inf)
    slack = np.full((_TALL, _WIDE), np.inf)
    y, x = np.mgrid[0:_TALL, 0:_WIDE] + 0.5
    for face in faces:
        (ax, ay), (bx, by), (cx, cy) = screen[face]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area > -1e-12:
            continue
        a = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / area
        b = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / area
        c = 1 - a - b
        least = np.minimum(np.minimum(a, b), c)
        slack = np.minimum(slack, np.abs(least))
        deep = a * z[face[0]] + b * z[face[1]] + c * z[face[2]]
        nearest = np.where(least >= 0, np.minimum(nearest, deep), nearest)
    return nearest, slack


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 12), reach=st.sampled_from([1.0, 8.0, 60.0]))
def test_any_triangles_agree_with_the_reference(seed: int, count: int, reach: float) -> None:
    rng = np.random.default_rng(seed)
    middle = rng.uniform(-4, 28, (count, 1, 2))
    screen = (middle + rng.uniform(-reach, reach, (count, 3, 2))).reshape(-1, 2)
    z = rng.uniform(1, 9, 3 * count)
    faces = np.arange(3 * count, dtype=np.int32).reshape(-1, 3)
    hits = rasterize(screen, z, faces, _WIDE, _TALL)
    nearest, slack = _reference(screen, z, faces)
    sure = slack > 1e-6
    assert ((hits.face >= 0) == np.isfinite(nearest))[sure].all()
    shown = (hits.face >= 0) & sure
    deep = (hits.weights[shown] * z[faces[hits.face[shown]]]).sum(1)
    assert np.abs(deep - nearest[shown]).max(initial=0) < 1e-4
    assert np.abs(hits.weights[shown].sum(1) - 1).max(initial=0) < 1e-4
    assert hits.weights[shown].min(initial=0) > -1e-4
    # The weights say where the pixel is.
    y, x = np.nonzero(shown)
    there = np.einsum("nk,nkc->nc", hits.weights[shown], screen[faces[hits.face[shown]]])
    assert np.abs(there - np.stack([x + 0.5, y + 0.5], 1)).max(initial=0) < 0.01


def test_neighbours_leave_no_gap_and_do_not_overlap() -> None:
    # A fan of thin triangles around a point that is no pixel centre covers its square wholly.
    around = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    screen = np.concatenate(
        [[[12.03, 9.01]], np.stack([12 + 40 * np.cos(around), 9 + 40 * np.sin(around)], 1)]
    )
    k = np.arange(60)
    faces = np.stack([np.zeros(60, int), 1 + (k + 1) % 60, 1 + k], 1).astype(np.int32)
    hits = rasterize(screen, np.ones(61), faces, _WIDE, _TALL)
    assert (hits.face >= 0).all()
    assert len(np.unique(hits.face)) > 50


def test_faces_that_look_away_are_not_drawn() -> None:
    screen = np.array([[2.0, 2.0], [20.0, 2.0], [2.0, 16.0]])
    toward, away = np.array([[0, 2, 1]], np.int32), np.array([[0, 1, 2]], np.int32)
    assert (rasterize(screen, np.ones(3), toward, _WIDE, _TALL).face == 0).sum() > 80
    assert (rasterize(screen, np.ones(3), away, _WIDE, _TALL).face == -1).all()


def test_the_nearer_of_two_wins_and_ties_go_to_the_first() -> None:
    screen = np.tile(np.array([[2.0, 2.0], [2.0, 16.0], [20.0, 2.0]]), (2, 1))
    faces = np.array([[0, 1, 2], [3, 4, 5]], np.int32)
    far_first = rasterize(screen, np.repeat([5.0, 3.0], 3), faces, _WIDE, _TALL).face
    assert set(np.unique(far_first)) == {-1, 1}
    tie = rasterize(screen, np.full(6, 3.0), faces, _WIDE, _TALL).face
    assert set(np.unique(tie)) == {-1, 0}


@pytest.mark.parametrize("shift", [(-500.0, 0.0), (500.0, 0.0), (0.0, -500.0), (0.0, 500.0)])
def test_what_is_out_of_the_frame_is_not_drawn(shift: tuple[float, float]) -> None:
    screen = np.array([[2.0, 2.0], [2.0, 16.0], [20.0, 2.0]]) + shift
    assert (rasterize(screen, np.ones(3), np.array([[0, 1, 2]], np.int32), _WIDE, _TALL).face == -1).all()


def test_nothing_draws_nothing() -> None:
    hits = rasterize(np.zeros((0, 2)), np.zeros(0), np.zeros((0, 3), np.int32), _WIDE, _TALL)
    assert hits.face.shape == (_TALL, _WIDE)
    assert (hits.face == -1).all()
    flat = rasterize(np.zeros((3, 2)), np.zeros(3), np.array([[0, 1, 2]], np.int32), _WIDE, _TALL)
    assert (flat.face == -1).all()


def test_a_large_face_is_drawn_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = np.array([[-400.0, -300.0], [-400.0, 900.0], [900.0, -300.0]])
    face = np.array([[0, 1, 2]], np.int32)
    whole = rasterize(screen, np.array([1.0, 2.0, 3.0]), face, _WIDE, _TALL)
    monkeypatch.setattr("slipcast.mesh.rasterize._CHUNK", 7)
    pieces = rasterize(screen, np.array([1.0, 2.0, 3.0]), face, _WIDE, _TALL)
    assert (whole.face == 0).all()
    assert np.array_equal(whole.face, pieces.face)
    assert np.array_equal(whole.weights, pieces.weights)


def test_a_sphere_covers_its_disc() -> None:
    mesh = sphere(1.0, 48, 64, lift_m=0.0)
    screen = mesh.vertices[:, :2].astype(np.float64) * [7, -7] + [12, 9]
    hits = rasterize(screen, -mesh.vertices[:, 2].astype(np.float64), mesh.faces, _WIDE, _TALL)
    y, x = np.mgrid[0:_TALL, 0:_WIDE] + 0.5
    reach = np.hypot(x - 12, y - 9)
    assert (hits.face[reach < 6.9] >= 0).all()
    assert (hits.face[reach > 7.0] < 0).all()
