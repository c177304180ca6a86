"""depth/place.py: the only place where camera axes become world axes, and both shells become joined samples."""

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapes import cube, figure
from silhouettes import ball, box, depth_of, disc, flat, grid, picture_of

from slipcast.core.camera import camera_from_world, project, world_from_camera
from slipcast.core.errors import BadInput, StageFailed
from slipcast.core.values import (
    Camera,
    Cutout,
    DepthKind,
    Mesh,
    ModelInfo,
    PointCloud,
    Shells,
    Source,
    View,
)
from slipcast.depth.place import PlaceOptions, place, settle
from slipcast.mesh.normals import cloud_normals, vertex_normals
from slipcast.mesh.topology import closedness, make_mesh
from slipcast.reconstruct.points import PointOptions, make_points

_POINTS = PointOptions()


def _cloud(
    depth: Shells, picture: Cutout, *, detail: str = "standard", height_m: float = 0.075
) -> PointCloud:
    return make_points(
        place(depth, picture, PlaceOptions(height_m=height_m, elevation_deg=0.0)),
        picture,
        PointOptions(detail=detail),
    )


def _joined(cloud: PointCloud) -> Mesh:
    assert cloud.joins is not None
    return make_mesh(cloud.points, cloud.joins)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    yaw=st.floats(-3.1, 3.1),
    shift=st.tuples(*[st.floats(-0.2, 0.2)] * 3),
    fov=st.floats(5, 100),
    seed=st.integers(0, 99),
)
def test_projecting_what_was_unprojected_is_the_identity(
    yaw: float, shift: tuple[float, float, float], fov: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    turn = np.array([[np.cos(yaw), 0, -np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, np.cos(yaw)]])
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = np.diag([1.0, -1.0, -1.0]) @ turn, shift
    still = Camera.pinhole(40, 30, fov)
    camera = Camera(
        width_px=40,
        height_px=30,
        fx_px=still.fx_px,
        fy_px=still.fy_px,
        cx_px=20.0,
        cy_px=15.0,
        camera_from_world=matrix,
    )
    z = rng.uniform(0.1, 3, (30, 40))
    local = camera.rays().astype(np.float64).reshape(-1, 3) * z.reshape(-1, 1)
    world = world_from_camera(camera, local)
    assert np.abs(camera_from_world(camera, world) - local).max() < 1e-9
    pixel, deep = project(camera, world)
    x, y = grid(30, 40)
    assert np.abs(pixel - np.stack([x, y], 2).reshape(-1, 2)).max() < 1e-3
    assert np.abs(deep - z.ravel()).max() < 1e-9


@pytest.mark.parametrize("height_m", [0.001, 0.075, 10.0])
@pytest.mark.parametrize("view", list(View))
def test_placed_depth_is_as_tall_as_asked_and_stands_on_the_ground(view: View, height_m: float) -> None:
    alpha, depth = ball(64, 1.0, 6.0)
    placed = place(depth, picture_of(alpha, view=view), PlaceOptions(height_m=height_m))
    assert placed.back is not None
    rays = placed.camera.rays()[placed.valid]
    world = world_from_camera(
        placed.camera,
        np.concatenate([rays * placed.front[placed.valid, None], rays * placed.back[placed.valid, None]]),
    )
    assert np.ptp(world[:, 1]) == pytest.approx(height_m, rel=1e-4)
    assert world[:, 1].min() == pytest.approx(0, abs=1e-4 * height_m)
    for axis in (0, 2):
        assert world[:, axis].max() + world[:, axis].min() == pytest.approx(0, abs=1e-3 * height_m)


@pytest.mark.parametrize(
    ("view", "toward_camera", "picture_left"),
    [
        # The figurine faces +Z and has its own left at +X.
        (View.FRONT, (0, 0, 1), (-1, 0, 0)),
        (View.BACK, (0, 0, -1), (1, 0, 0)),
        (View.LEFT, (1, 0, 0), (0, 0, 1)),
        (View.RIGHT, (-1, 0, 0), (0, 0, -1)),
    ],
)
def test_each_view_puts_the_camera_on_its_side(
    view: View, toward_camera: tuple[int, int, int], picture_left: tuple[int, int, int]
) -> None:
    alpha = box(64, 8, 12, 48, 40)
    alpha[8:16, 12:20] = 0
    alpha[8:16, 44:52] = 0
    # A knob at the picture's left edge, nearer than the rest.
    x, y = grid(64, 64)
    front = np.where((x < 20) & (np.abs(y - 40) < 6), 90.0, 100.0)
    picture = picture_of(alpha, view=view)
    placed = place(depth_of(alpha, front, np.full(alpha.shape, 110.0)), picture, PlaceOptions(height_m=1.0))
    eye = world_from_camera(placed.camera, np.zeros((1, 3)))[0]
    assert eye @ toward_camera > 1
    assert abs(eye @ picture_left) < 0.1
    knob = world_from_camera(
        placed.camera, (placed.camera.rays()[40, 14] * placed.front[40, 14])[None].astype(np.float32)
    )[0]
    assert knob @ picture_left > 0.2
    assert knob @ toward_camera > 0.05
    assert 0 < knob[1] < 0.5, "below the middle of the picture is low in the world"


@pytest.mark.parametrize("height_m", [0.0, -5.0, float("nan"), float("inf")])
def test_a_height_that_is_none_is_refused(height_m: float) -> None:
    with pytest.raises(BadInput, match="height"):
        place(flat(disc(32, 10), 90, 100), picture_of(disc(32, 10)), PlaceOptions(height_m=height_m))


def test_shells_are_metric() -> None:
    one, valid = np.ones((32, 32), np.float32), np.ones((32, 32), bool)
    with pytest.raises(ValueError, match="calibrate"):
        Shells(
            front=one,
            back=one,
            valid=valid,
            camera=Camera.pinhole(32, 32),
            model=ModelInfo(name="test"),
            kind=DepthKind.AFFINE_DEPTH,
        )


def test_nothing_valid_and_unknown_detail_are_refused() -> None:
    nothing = np.zeros((32, 32), np.uint8)
    with pytest.raises(StageFailed, match="no valid pixel"):
        place(flat(nothing, 90, 100), picture_of(nothing), PlaceOptions())
    with pytest.raises(StageFailed, match="no valid pixel"):
        make_points(flat(nothing, 90, 100), picture_of(nothing), _POINTS)
    alpha = disc(32, 10)
    with pytest.raises(BadInput, match="draft, standard, fine"):
        make_points(flat(alpha, 90, 100), picture_of(alpha), PointOptions(detail="ultra"))


def test_samples_of_a_ball_lie_on_it_with_radial_normals() -> None:
    alpha, depth = ball(192, 1.0, 6.0)
    cloud = _cloud(depth, picture_of(alpha), height_m=0.075)
    points = cloud.points.astype(np.float64)
    radius = 0.0375 * np.sqrt(35) / 6 / np.sqrt(35 / 36)
    middle = points.mean(0) * [0, 1, 0]
    middle[1] = (points[:, 1].max() + points[:, 1].min()) / 2
    reach = np.linalg.norm(points - middle, axis=1)
    assert np.quantile(np.abs(reach / np.median(reach) - 1), 0.99) < 0.012
    assert np.median(reach) == pytest.approx(radius, rel=0.02)
    outward, normals = (points - middle) / reach[:, None], cloud_normals(cloud)
    lean_deg = np.degrees(np.arccos(np.clip((outward * normals).sum(1), -1, 1)))
    assert np.median(lean_deg) < 2
    assert np.quantile(lean_deg, 0.98) < 22
    assert np.linalg.norm(normals, axis=1) == pytest.approx(1, abs=1e-5)


def test_a_slab_seen_from_far_away_is_a_box_of_exact_volume() -> None:
    # Perspective narrows to 0.1 % at this distance.
    alpha = box(128, 20, 30, 80, 50)
    depth = flat(alpha, 100_000, 100_020, fov_deg=0.0733)
    cloud = _cloud(depth, picture_of(alpha), height_m=0.080)
    state = closedness(_joined(cloud))
    assert state.closed
    pixel_m = 0.080 / 79  # placed by its pixels' centres; `settle` makes the height exact at the end
    assert state.volume_m3 == pytest.approx((80 * 50 - 0.5) * 20 * pixel_m**3, rel=0.01)
    extent = np.ptp(cloud.points, axis=0)
    assert extent == pytest.approx(np.array([50, 80, 20]) * pixel_m, rel=0.005)


def test_colours_and_sources_come_with_the_samples() -> None:
    x, _ = grid(64, 64)
    alpha = disc(64, 25)
    pixels = np.where((x < 32)[..., None], (250, 0, 0), (0, 0, 250)).astype(np.uint8)
    picture = Cutout(pixels=pixels, alpha=alpha)
    cloud = _cloud(flat(alpha, 200, 210), picture)
    assert set(np.unique(cloud.source)) == {int(Source.SEEN), int(Source.MIRRORED), int(Source.INVENTED)}
    left = cloud.points[:, 0] < -1e-3
    assert (cloud.colors[left, 0] == 250).all()
    assert (cloud.colors[cloud.points[:, 0] > 1e-3, 2] == 250).all()
    depth_m = [
        cloud.points[cloud.source == int(kind), 2].mean()
        for kind in (Source.SEEN, Source.INVENTED, Source.MIRRORED)
    ]
    assert depth_m == sorted(depth_m, reverse=True), "the sides between both shells are nobody's"


@pytest.mark.parametrize(("detail", "most"), [("draft", 192), ("standard", 280), ("fine", 600)])
def test_detail_bounds_the_samples(detail: str, most: int) -> None:
    alpha = box(1100, 10, 500, 1080, 12)
    cloud = _cloud(flat(alpha, 2500, 2540), picture_of(alpha), detail=detail)
    assert cloud.joins is not None
    edge_m = np.linalg.norm(np.diff(cloud.points[cloud.joins[:, :2]], axis=1), axis=2)
    assert np.median(edge_m) == pytest.approx(0.075 / most, rel=0.1)
    assert closedness(_joined(cloud)).closed


def test_a_step_of_depth_stays_closed_and_keeps_its_sides() -> None:
    alpha = box(96, 10, 10, 70, 70)
    x, _ = grid(96, 96)
    depth = depth_of(alpha, np.where(x < 45, 200.0, 240.0), np.full((96, 96), 250.0))
    state = closedness(_joined(_cloud(depth, picture_of(alpha))))
    assert state.closed
    assert state.volume_m3 > 0


@pytest.mark.parametrize("thick", [0.0, 1e-7, 1e-3])
def test_shells_without_thickness_keep_a_skin(thick: float) -> None:
    alpha = disc(64, 25)
    cloud = _cloud(flat(alpha, 200, 200 + thick), picture_of(alpha))
    state = closedness(_joined(cloud))
    assert state.closed, state


def test_an_opaque_cutout_has_the_edges_of_the_depth() -> None:
    alpha = box(64, 10, 12, 40, 30)
    bare = Cutout(pixels=np.zeros((64, 64, 3), np.uint8), alpha=np.full((64, 64), 255, np.uint8))
    depth = flat(alpha, 200, 220)
    one = make_points(place(depth, bare, PlaceOptions(elevation_deg=0.0)), bare, _POINTS)
    two = _cloud(depth, picture_of(alpha))
    assert one.points.tobytes() == two.points.tobytes()


@pytest.mark.parametrize("height_m", [0.001, 0.075, 2.0])
def test_settled_height_is_exact(height_m: float) -> None:
    before, depth = figure().mesh, place(flat(disc(32, 10), 1, 2), picture_of(disc(32, 10)), PlaceOptions())
    after, full, moved = settle(before, cube(), depth, PlaceOptions(height_m=height_m))
    low, high = after.vertices.min(0), after.vertices.max(0)
    assert high[1] == np.float32(height_m)
    assert low[1] == 0
    assert low[0] + high[0] == pytest.approx(0, abs=1e-6 * height_m)
    assert low[2] + high[2] == pytest.approx(0, abs=1e-6 * height_m)
    spread = np.ptp(before.vertices, axis=0)
    assert (high - low) / spread == pytest.approx((high - low)[1] / spread[1], rel=1e-5)
    assert np.ptp(full.vertices, axis=0) == pytest.approx(
        np.ptp(cube().vertices, axis=0) * height_m / spread[1], rel=1e-4
    )
    # The camera sees the mesh of the new world where it saw that of the old one, and its depth is to scale.
    was, now = project(depth.camera, before.vertices), project(moved.camera, after.vertices)
    assert now[0] == pytest.approx(was[0], abs=0.01)
    assert now[1] / was[1] == pytest.approx(height_m / spread[1], rel=1e-4)
    assert moved.front[moved.valid] == pytest.approx(
        depth.front[depth.valid] * height_m / spread[1], rel=1e-5
    )


def test_normals_of_a_cube_point_out_of_its_corners() -> None:
    mesh = cube()
    normals = vertex_normals(mesh.vertices, mesh.faces)
    outward = mesh.vertices - mesh.vertices.mean(0)
    assert ((normals * outward).sum(1) > 0.8 * np.linalg.norm(outward, axis=1)).all()
    lonely = vertex_normals(np.zeros((3, 3), np.float32), np.array([[0, 1, 2]], np.int32))
    assert lonely == pytest.approx(np.array([[0, 1, 0]] * 3))


def test_a_large_picture_takes_memory_by_its_pixels_only() -> None:
    size = 2000
    y, x = np.ogrid[0:size, 0:size]
    alpha = (((x - 1000.0) ** 2 + (y - 1000.0) ** 2 < 930.0**2) * 255).astype(np.uint8)
    picture = Cutout(pixels=np.zeros((size, size, 3), np.uint8), alpha=alpha)
    depth = flat(alpha, 7000, 7500)
    tracemalloc.start()
    cloud = _cloud(depth, picture, detail="draft")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 150 * size * size
    assert len(cloud.points) < 250_000


def test_the_same_input_gives_the_same_bytes() -> None:
    alpha, depth = ball(64, 1.0, 6.0)
    one, two = (_cloud(depth, picture_of(alpha)) for _ in range(2))
    for name in ("points", "colors", "source", "joins"):
        assert getattr(one, name).tobytes() == getattr(two, name).tobytes()


@pytest.mark.parametrize("height_m", [1800.0, 0.0, -1.0, float("nan"), float("inf")])
def test_a_height_that_no_figurine_has_is_refused_before_any_work(height_m: float) -> None:
    """`height_m=1800` once failed in the mesh stage, which blamed the faces."""
    with pytest.raises(BadInput, match=r"height_m is .*; give metres from 0\.001 to 10"):
        PlaceOptions(height_m=height_m)


@pytest.mark.parametrize("view", list(View))
def test_a_pillar_seen_from_above_stands_upright(view: View) -> None:
    """A level disc seen 20 degrees from above is level in the world, and the figurine as tall as asked."""
    camera = Camera.pinhole(200, 200, 2.0)
    y, x = np.mgrid[:200, :200] + 0.5
    flat = np.hypot((x - 100) / 60, (y - 100) / (60 * math.sin(math.radians(20)))) < 1
    # The farther up in the picture, the farther away.
    z = (camera.fy_px - (y - 100) / math.tan(math.radians(20))).astype(np.float32)
    front = np.where(flat, z, 0).astype(np.float32)
    depth = Shells(
        front=front,
        back=front,
        valid=flat,
        camera=camera,
        model=ModelInfo(name="test"),
        back_source=Source.INVENTED,
    )
    picture = Cutout(
        pixels=np.zeros((200, 200, 3), np.uint8), alpha=np.full((200, 200), 255, np.uint8), view=view
    )
    placed = place(depth, picture, PlaceOptions(elevation_deg=20.0))
    rays = placed.camera.rays()[flat] * placed.front[flat][:, None]
    world = world_from_camera(placed.camera, rays)
    level = np.ptp(world[:, 1]) / np.ptp(world[:, 0])
    assert level < 0.05
    assert world[:, 1].min() == pytest.approx(0, abs=1e-4)
    tilted = place(depth, picture, PlaceOptions())
    assert (
        np.ptp(
            world_from_camera(tilted.camera, tilted.camera.rays()[flat] * tilted.front[flat][:, None])[:, 1]
        )
        > 0
    )


@pytest.mark.parametrize("degrees", [61.0, -90.0, math.nan])
def test_an_elevation_from_which_no_height_is_seen_is_refused(degrees: float) -> None:
    with pytest.raises(BadInput, match=r"elevation_deg is .*for instance 12"):
        PlaceOptions(elevation_deg=degrees)
