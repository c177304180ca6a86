"""lattice.py: the triangulated silhouette has the mask's topology, its area, and shells that meet at round rims."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage
from silhouettes import ball, box, disc, ring, silhouette_zoo

from slipcast.lattice import Lattice, make_lattice, rounded
from slipcast.values import F32, I64, U8, Bool


def _lattice(
    alpha: U8, front: F32 | None = None, back: F32 | None = None, *, step: int = 1, unit: float = 1.0
) -> Lattice:
    near = np.full(alpha.shape, 100, np.float32) if front is None else front
    far = np.full(alpha.shape, 104, np.float32) if back is None else back
    cover = (alpha / np.float32(255)).astype(np.float32)
    return make_lattice(cover, near, far, alpha >= 128, step=step, unit=unit)


def _area(lattice: Lattice) -> float:
    """In pixels; negative for triangles that run clockwise with y up."""
    a, b, c = lattice.position.astype(np.float64)[lattice.triangles].transpose(1, 0, 2)
    # y points down here, so counter-clockwise with y up has a negative cross product.
    twice = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    assert (twice < 0).all(), "all triangles have area and turn the same way"
    return float(-twice.sum() / 2)


def _edges(lattice: Lattice) -> tuple[I64, I64]:
    """Undirected edges (E,2) and how many triangles each has."""
    t = lattice.triangles.astype(np.int64)
    pairs = np.sort(np.concatenate([t[:, [0, 1]], t[:, [1, 2]], t[:, [2, 0]]]), axis=1)
    edges, count = np.unique(pairs, axis=0, return_counts=True)
    return edges, count


def _check_topology(lattice: Lattice, mask: Bool) -> None:
    """Simple loops around as many parts and holes as the mask has, saddles cut apart."""
    edges, count = _edges(lattice)
    assert set(np.unique(count)) <= {1, 2}
    outline = edges[count == 1]
    assert lattice.on_rim[outline].all()
    degree = np.bincount(outline.ravel(), minlength=len(lattice.position))
    assert set(np.unique(degree)) <= {0, 2}, "the outline is a set of simple loops"
    assert ((degree == 2) == lattice.on_rim).all()
    parts = ndimage.label(mask)[1]
    around = ndimage.label(np.pad(~mask, 1, constant_values=True), structure=np.ones((3, 3)))[1]
    euler = len(lattice.position) - len(edges) + len(lattice.triangles)
    assert euler == parts - (around - 1)
    assert (lattice.back >= lattice.front).all()
    assert np.isfinite(lattice.position).all()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    mask=arrays.arrays(np.bool_, st.tuples(st.integers(1, 14), st.integers(1, 14))),
    thick=st.sampled_from([0.0, 1e-6, 4.0, 60.0]),
    unit=st.sampled_from([0.01, 1.0]),
)
def test_any_mask_keeps_its_parts_and_holes(mask: Bool, thick: float, unit: float) -> None:
    back = np.full(mask.shape, 100 + thick, np.float32)
    lattice = _lattice((mask * 255).astype(np.uint8), back=back, unit=unit)
    if mask.any():
        _check_topology(lattice, mask)
        _area(lattice)
    else:
        assert len(lattice.triangles) == 0
        assert len(lattice.position) == 0


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    noise=arrays.arrays(np.float32, (10, 10), elements=st.floats(0, 50, width=32)),
    mask=arrays.arrays(np.bool_, (10, 10)),
)
def test_any_depths_give_ordered_shells(noise: F32, mask: Bool) -> None:
    front = (100 + noise).astype(np.float32)
    back = (front + noise.T).astype(np.float32)
    lattice = _lattice((mask * 255).astype(np.uint8), front, back, unit=0.2)
    if mask.any():
        _check_topology(lattice, mask)
        assert lattice.front.min() >= 50 - 1e-3
        assert lattice.back.max() <= 225 + 1e-3


@pytest.mark.parametrize("name", sorted(silhouette_zoo()))
@pytest.mark.parametrize("step", [1, 3])
def test_hard_silhouettes(name: str, step: int) -> None:
    alpha = silhouette_zoo()[name]
    lattice = _lattice(alpha, step=step)
    if step == 1:
        _check_topology(lattice, alpha >= 128)
    if len(lattice.triangles):
        area = _area(lattice)
        assert area > 0


def test_a_rectangles_area_is_exact_but_for_its_corners() -> None:
    lattice = _lattice(box(64, 10, 12, 40, 30))
    assert _area(lattice) == pytest.approx(40 * 30 - 4 * 0.125, abs=0.01)
    assert lattice.position.min(0) == pytest.approx([12, 10], abs=1e-5)
    assert lattice.position.max(0) == pytest.approx([42, 50], abs=1e-5)


@pytest.mark.parametrize("radius", [9.3, 40.0])
def test_a_soft_edge_is_found_to_a_fraction_of_a_pixel(radius: float) -> None:
    lattice = _lattice(disc(96, radius))
    assert _area(lattice) == pytest.approx(np.pi * radius**2, rel=0.008)
    reach = np.hypot(*(lattice.position[lattice.on_rim] - 48).T)
    assert np.abs(reach - radius).max() < 0.12


@pytest.mark.parametrize("step", [2, 4, 5])
def test_coarse_nodes_keep_place_and_area(step: int) -> None:
    lattice = _lattice(disc(128, 50), step=step)
    assert _area(lattice) == pytest.approx(np.pi * 50**2, rel=0.02)
    assert (lattice.position.max(0) + lattice.position.min(0)) / 2 == pytest.approx([64, 64], abs=0.6)
    assert len(lattice.triangles) < 3 * np.pi * 50**2 / step**2 + 800


def test_a_slab_stays_thick_at_its_rim() -> None:
    lattice = _lattice(ring(96, 40, 20))
    assert (lattice.back - lattice.front) == pytest.approx(4.0, abs=1e-3)


def test_a_ball_closes_at_its_rim_and_lies_on_the_circle() -> None:
    alpha, depth = ball(128, 1.0, 8.0)
    assert depth.back is not None
    unit = 8.0 / depth.camera.fy_px
    lattice = rounded(_lattice(alpha, depth.front, depth.back, unit=unit), unit, 1)
    thick = lattice.back - lattice.front
    assert thick[lattice.on_rim].max() == 0
    ray = (lattice.position - 64) / depth.camera.fy_px
    square = 1 + (ray**2).sum(1)
    inside = np.maximum(64 - square * 63, 0)
    truth = 2 * np.sqrt(inside) / square
    error = np.abs(thick - truth)
    assert np.quantile(error, 0.99) < 0.1
    assert error.max() < 0.25
    edges, _ = _edges(lattice)
    length = np.abs(np.diff(lattice.back[edges] - lattice.front[edges], axis=1)) / 2
    assert length[lattice.on_rim[edges].any(1)].max() < 4 * unit, "steep edges at the rim are split"


def test_valid_pixels_without_cover_and_cover_without_valid_pixels_are_outside() -> None:
    shape = (12, 12)
    some = np.full(shape, 5, np.float32)
    nothing = make_lattice(np.zeros(shape, np.float32), some, some, np.ones(shape, bool), step=1, unit=1.0)
    assert len(nothing.triangles) == 0
    nothing = make_lattice(np.ones(shape, np.float32), some, some, np.zeros(shape, bool), step=1, unit=1.0)
    assert len(nothing.triangles) == 0


def test_a_back_before_the_front_is_no_thickness() -> None:
    front = np.full((32, 32), 10, np.float32)
    lattice = _lattice(box(32, 4, 4, 20, 20), front, front - 3)
    assert (lattice.front == lattice.back).all()


def test_halves_of_full_cells_come_in_pairs() -> None:
    lattice = _lattice(box(64, 10, 12, 40, 30))
    halves = np.flatnonzero(lattice.diagonal)
    first, second = (
        lattice.triangles[halves[: len(halves) // 2]],
        lattice.triangles[halves[len(halves) // 2 :]],
    )
    assert len(halves) == 2 * 39 * 29
    assert (first[:, 0] == second[:, 0]).all()
    assert (first[:, 1] == second[:, 2]).all()


def test_the_same_input_gives_the_same_bytes() -> None:
    one, two = (_lattice(disc(96, 40)) for _ in range(2))
    assert one.position.tobytes() == two.position.tobytes()
    assert one.triangles.tobytes() == two.triangles.tobytes()
