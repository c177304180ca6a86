"""reconstruct/surface_nets.py: any runs become a closed surface that does not cross itself."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from test_dexels import columns_of

from slipcast.core.values import F64, Bool, Mesh
from slipcast.mesh.self_intersection import find_crossing_faces
from slipcast.mesh.topology import closedness, from_manifold, make_mesh, to_manifold
from slipcast.reconstruct.dexels import Dexels
from slipcast.reconstruct.ray_grid import RayGrid
from slipcast.reconstruct.surface_nets import BACK, FRONT, HIDDEN, SurfaceNet, make_surface_net


def _runs(volume: Bool) -> Dexels:
    """The solid levels of (H,W,D), each run reaching a quarter of a node beyond its last levels."""
    padded = np.pad(volume, ((1, 1), (1, 1), (1, 1)))
    flat = padded.reshape(-1, padded.shape[2])
    column, begin = np.nonzero(flat[:, 1:] & ~flat[:, :-1])
    _, end = np.nonzero(flat[:, :-1] & ~flat[:, 1:])
    shape = (padded.shape[0], padded.shape[1])
    return Dexels(
        column=column, begin=begin.astype(np.float64) + 0.75, end=end.astype(np.float64) + 0.25, shape=shape
    )


def _mesh(net: SurfaceNet) -> Mesh:
    """In axes right, up and towards the viewer."""
    return make_mesh((net.places[:, [1, 0, 2]] * [1, -1, -1]).astype(np.float32), net.faces.astype(np.int32))


def _net(volume: Bool) -> SurfaceNet:
    runs = _runs(volume)
    zeros = np.zeros(volume.shape[:2])
    return make_surface_net(columns_of(zeros, zeros, np.any(volume, axis=2)), runs)


def _filled(columns: RayGrid) -> SurfaceNet:
    """The net of what lies between each ray's front and back."""
    row, column = np.nonzero(columns.inside)
    runs = Dexels(
        column=row * columns.inside.shape[1] + column,
        begin=columns.front[row, column],
        end=columns.back[row, column],
        shape=columns.inside.shape,
    )
    return make_surface_net(columns, runs)


def _ball(radius: float) -> tuple[SurfaceNet, F64]:
    size = int(2 * radius) + 3
    y, x = np.mgrid[0:size, 0:size] - (size - 1) / 2
    half = np.sqrt(np.maximum(radius**2 - y**2 - x**2, 0))
    inside = half > 0.6
    columns = columns_of(100 - half, 100 + half, inside)
    net = _filled(columns)
    return net, net.places - [(size + 1) / 2, (size + 1) / 2, 100]


def test_a_ball_is_one() -> None:
    net, away = _ball(24)
    mesh = _mesh(net)
    state = closedness(mesh)
    assert state.closed
    assert state.volume_m3 == pytest.approx(4 / 3 * np.pi * 24**3, rel=0.02)
    # Near the rim the silhouette's whole nodes count.
    inner = np.hypot(away[:, 0], away[:, 1]) < 20
    assert np.abs(np.linalg.norm(away[inner], axis=1) - 24).max() < 0.4
    assert not len(find_crossing_faces(mesh))
    assert (away[net.side == FRONT, 2] < 0).all()
    assert (away[net.side == BACK, 2] > 0).all()
    assert np.abs(away[net.side == HIDDEN, 2]).max() < 20


@settings(max_examples=150, deadline=None, derandomize=True)
@given(volume=arrays.arrays(np.bool_, st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 6))))
def test_any_levels_become_a_closed_surface(volume: Bool) -> None:
    if not volume.any():
        return
    mesh = _mesh(_net(volume))
    state = closedness(mesh)
    assert (state.open_edges, state.turned_edges, state.slivers) == (0, 0, 0)
    assert state.volume_m3 > 0
    assert not len(find_crossing_faces(mesh))
    solid = to_manifold(mesh)
    assert solid is not None
    assert closedness(from_manifold(solid)).closed


@pytest.mark.parametrize(
    ("volume", "bodies"),
    [
        ([[[1, 0], [0, 0]], [[0, 0], [0, 1]]], 2),  # opposite corners of a cell
        ([[[1, 0], [0, 1]]], 2),  # corners of a face
        ([[[1, 1], [0, 1]]], 1),
        ([[[1, 0, 1]], [[0, 0, 0]]], 2),
    ],
)
def test_sheets_through_one_cell_do_not_touch(volume: list[list[list[int]]], bodies: int) -> None:
    solid = to_manifold(_mesh(_net(np.array(volume, bool))))
    assert solid is not None
    assert len(solid.decompose()) == bodies


def test_relief_of_few_nodes_lies_on_the_shell() -> None:
    """The mean of a cell's crossings, evened out, has half of a wave four nodes long."""
    _, x = np.mgrid[0:30, 0:30].astype(np.float64)
    front = 100 + 0.4 * np.cos(np.pi / 2 * x)
    columns = columns_of(front, np.full((30, 30), 120.0), np.ones((30, 30), bool))
    net = _filled(columns)
    row, column, depth = net.places[net.side == FRONT].T
    inner = (np.abs(row - 15) < 10) & (np.abs(column - 15) < 10)
    left = np.floor(column).astype(np.int64)
    shell = columns.front[15]
    expected = shell[left] + (shell[left + 1] - shell[left]) * (column - left)
    assert inner.sum() > 300
    assert np.abs(depth - expected)[inner].max() < 1e-6
    assert np.ptp(depth[inner]) > 0.3


def test_the_outline_is_where_the_cover_says() -> None:
    cover = np.zeros((1, 12), np.float32)
    cover[0, :7], cover[0, 7] = 1, 0.25
    columns = columns_of(np.zeros((12, 12)), np.full((12, 12), 10.0), np.tile(cover >= 0.5, (12, 1)))
    given_cover = columns.cover.copy()
    given_cover[1:-1, 8] = 0.25
    row, column = np.nonzero(columns.inside)
    runs = Dexels(
        column=row * columns.inside.shape[1] + column,
        begin=np.zeros(len(row)),
        end=np.full(len(row), 10.0),
        shape=columns.inside.shape,
    )
    half = make_surface_net(replace(columns, cover=given_cover), runs)
    middle = (np.abs(half.places[:, 0] - 6) < 2) & (np.abs(half.places[:, 2] - 5) < 2)
    # A full node and a quarter of the next: the edge is a quarter into the next one's square.
    assert half.places[middle & (half.places[:, 1] > 4), 1] == pytest.approx(7.75, abs=0.12)


def test_a_side_is_round_up_to_the_outline() -> None:
    radius, size, middle = 24.0, 55, (27.3, 26.8)
    fine = (np.arange(16 * size) + 0.5) / 16 - 0.5
    disc = np.hypot(fine[:, None] - middle[0], fine - middle[1]) < radius
    cover = disc.reshape(size, 16, size, 16).mean((1, 3)).astype(np.float32)
    y, x = np.mgrid[:size, :size]
    half = np.sqrt(np.maximum(radius**2 - (y - middle[0]) ** 2 - (x - middle[1]) ** 2, 0.5))
    columns = replace(columns_of(100 - half, 100 + half, cover >= 0.5), cover=np.pad(cover, 1))
    net = _filled(columns)
    out = net.places - [middle[0] + 1, middle[1] + 1, 100]
    a, b, c = (out[net.faces[:, k]] for k in range(3))
    across, normal = np.cross(c - a, b - a), np.zeros_like(out)
    for corner in net.faces.T:
        np.add.at(normal, corner, across)
    length = np.linalg.norm(normal, axis=1) * np.linalg.norm(out, axis=1)
    turned = np.degrees(np.arccos(np.clip((normal * out).sum(1) / length, -1, 1)))
    side = np.abs(out[:, 2]) < radius / 2
    # With a flat ribbon along the outline 1.6 and 4.4 degrees.
    assert turned[side].mean() < 1.2
    assert np.quantile(turned[side], 0.95) < 3


def test_a_wall_along_the_rays_stays_flat() -> None:
    columns = columns_of(np.zeros((12, 12)), np.full((12, 12), 30.0))
    net = _filled(columns)
    wall = (np.abs(net.places[:, 0] - 6) < 3) & (net.places[:, 1] > 10) & (np.abs(net.places[:, 2] - 15) < 12)
    assert np.ptp(net.places[wall, 1]) < 0.01


def test_the_same_runs_give_the_same_bytes() -> None:
    one, two = (_ball(12)[0] for _ in range(2))
    assert one.places.tobytes() == two.places.tobytes()
    assert one.faces.tobytes() == two.faces.tobytes()
