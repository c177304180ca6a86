"""Several views of one figurine: cameras, the fused solid, what is put right and left out, and its colours."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from kitchen import QUICK
from turnarounds import FOUR, camera_of, figurine, shoot, turnaround

from slipcast.checks.verdict import Verdict
from slipcast.core.errors import BadInput
from slipcast.core.orbit import OrbitCamera
from slipcast.core.values import F32, U8, Camera, Cutout, Mesh, Picture, Source, View
from slipcast.depth.models import DepthOptions
from slipcast.depth.place import place
from slipcast.mesh.raycast import Scene
from slipcast.mesh.sample import sample
from slipcast.mesh.topology import closedness, face_normals, make_mesh
from slipcast.pipeline.result import Result
from slipcast.pipeline.run import Start, run
from slipcast.pipeline.several_views import check_pictures, judge_views
from slipcast.reconstruct.level_set import mesh_level_set
from slipcast.reconstruct.simplify import Ground, SimplifyOptions, simplify
from slipcast.reconstruct.views.agreement import mirror, settle_views
from slipcast.reconstruct.views.fusion import Fused, fuse
from slipcast.reconstruct.views.register import register
from slipcast.reconstruct.views.sides import make_sides
from slipcast.reconstruct.views.silhouettes import hull_distances
from slipcast.report.views import compare_views
from slipcast.texture.views.paint_views import paint_views
from slipcast.texture.views.sight import Seen

TWO_SIDES = QUICK.change(faces=2000, normal_map="auto")


def drawn(mesh: Mesh, camera: Camera) -> np.ndarray:
    """(H,W) the silhouette of a mesh in a camera's picture."""
    scene = Scene(mesh.vertices * 10, mesh.faces)
    turn, shift = camera.camera_from_world[:3, :3], camera.camera_from_world[:3, 3]
    way = (camera.rays().reshape(-1, 3) @ turn).astype(np.float32)
    eye = np.broadcast_to((-shift @ turn * 10).astype(np.float32), way.shape)
    return np.isfinite(scene.first_hits(eye, way)[0]).reshape(camera.height_px, camera.width_px)


def test_the_level_set_of_a_ball_is_a_closed_ball() -> None:
    at = np.stack(np.meshgrid(*[np.linspace(-1.2, 1.2, 40)] * 3, indexing="ij"), -1)
    nodes, faces = mesh_level_set((1 - np.linalg.norm(at, axis=-1)).astype(np.float32))
    state = closedness(make_mesh((nodes * 2.4 / 39).astype(np.float32), faces))
    assert state.closed
    assert state.volume_m3 == pytest.approx(4 / 3 * np.pi, rel=0.02)


def test_a_point_comes_back_from_its_pixel() -> None:
    camera = OrbitCamera(yaw_deg=50, pitch_deg=10, focal_px=600, distance=2, cx_px=140, cy_px=120)
    points = np.random.default_rng(0).normal(0, 0.3, (50, 3)).astype(np.float32)
    x, y, z = camera.project(points)
    assert np.allclose(camera.lift(x, y, z), points, atol=1e-5)


def test_the_left_view_shows_what_is_at_its_left() -> None:
    x, _, z = camera_of(View.LEFT).project(np.array([[0.3, 0, 0], [0, 0, 0.3]], np.float32))
    assert z[0] < z[1]  # +X, the figurine's left, is nearer
    assert x[1] < x[0]  # it looks towards the picture's left edge


def test_the_hull_holds_the_figurine() -> None:
    cutouts, depths = turnaround()
    sides, _ = make_sides(cutouts, depths, fov_deg=24)
    scale = sides[0].camera.distance / camera_of(View.FRONT).distance
    assert hull_distances(sides, figurine().vertices * np.float32(scale)).min() > -0.006


def test_exact_cameras_are_left_alone() -> None:
    cutouts, depths = turnaround()
    sides, _ = make_sides(cutouts, depths, fov_deg=24)
    assert register(sides).sides == tuple(sides)


def test_cameras_that_are_off_are_found() -> None:
    mesh = figurine()
    off = {
        View.FRONT: camera_of(View.FRONT),
        View.LEFT: camera_of(View.LEFT, yaw_deg=95.0, cx_px=133.0, cy_px=124.0),
        View.BACK: camera_of(View.BACK, focal_px=camera_of(View.BACK).focal_px * 1.04),
        View.RIGHT: camera_of(View.RIGHT, cy_px=133.0),
    }
    cutouts = {view: shoot(mesh, view, camera).picture for view, camera in off.items()}
    found = register(make_sides(cutouts, {}, fov_deg=24)[0])
    assert found.before > 0.003
    assert found.miss < 0.001


@cache
def fused_of(views: tuple[View, ...]) -> Fused:
    """The figurine's draft from its sides."""
    return fuse(*turnaround(views), height_m=0.075, fov_deg=24, detail="draft")


@cache
def made_of_two() -> Result:
    """The asset of a front and a back."""
    cutouts, depths = turnaround((View.FRONT, View.BACK))
    start = Start(cutouts=tuple(cutouts.values()), depths=tuple(depths.values()))
    return run(cutouts[View.FRONT], TWO_SIDES, name="duck", others=[cutouts[View.BACK]], start=start)


@pytest.mark.parametrize("views", [FOUR, (*FOUR, View.FRONT_LEFT, View.BACK_LEFT)])
def test_the_fused_solid_is_closed_and_shows_every_silhouette(views: tuple[View, ...]) -> None:
    cutouts, _ = turnaround(views)
    fused = fused_of(views)
    mesh = simplify(fused.mesh, fused.depth, SimplifyOptions(faces=20_000), ground=Ground())
    assert closedness(mesh).closed
    assert np.ptp(fused.mesh.vertices[:, 1]) == pytest.approx(0.075, rel=1e-4)
    for view, camera in fused.cameras.items():
        wanted, got = np.asarray(cutouts[view].alpha) >= 128, drawn(mesh, camera)
        assert (wanted & got).sum() / (wanted | got).sum() > 0.96, view


def test_the_nose_points_forward() -> None:
    fused = fused_of(FOUR)
    assert fused.mesh.vertices[:, 2].max() - fused.mesh.vertices[:, 2].mean() > 0.02
    assert fused.depth.front[fused.depth.valid].min() > 0


def test_views_that_fit_are_left_alone() -> None:
    cutouts, depths = turnaround()
    settled = settle_views(cutouts, depths)
    assert settled.findings == ()
    assert settled.cutouts == cutouts


@pytest.mark.parametrize("wrong", [View.LEFT, View.RIGHT])
def test_a_mirrored_side_is_turned_back(wrong: View) -> None:
    cutouts, depths = turnaround()
    bad = replace(
        depths[wrong],
        front=np.ascontiguousarray(depths[wrong].front[:, ::-1]),
        valid=np.ascontiguousarray(depths[wrong].valid[:, ::-1]),
    )
    settled = settle_views({**cutouts, wrong: mirror(cutouts[wrong])}, {**depths, wrong: bad})
    assert settled.turned == (wrong,)
    assert np.array_equal(settled.cutouts[wrong].pixels, cutouts[wrong].pixels)


def test_exchanged_sides_are_exchanged_back() -> None:
    cutouts, depths = turnaround()
    settled = settle_views(
        {**cutouts, View.LEFT: cutouts[View.RIGHT], View.RIGHT: cutouts[View.LEFT]}, depths
    )
    assert [found.code for found in settled.findings] == ["VIEWS_SWAPPED"]
    assert settled.cutouts[View.LEFT] is cutouts[View.LEFT]


@pytest.mark.parametrize("side", [View.LEFT, View.RIGHT])
def test_a_side_named_as_the_back_is_exchanged_with_it(side: View) -> None:
    cutouts, depths = turnaround(FOUR)
    wrong, said = dict(cutouts), dict(depths)
    wrong[side], wrong[View.BACK] = cutouts[View.BACK], cutouts[side]
    said[side], said[View.BACK] = depths[View.BACK], depths[side]
    settled = settle_views(wrong, said)
    assert set(settled.exchanged) == {side, View.BACK}
    assert settled.dropped == ()
    assert settled.turned == ()
    assert {view: cut.source for view, cut in settled.cutouts.items()} == {
        view: cut.source for view, cut in cutouts.items()
    }
    assert [found.code for found in settled.findings] == ["VIEWS_SWAPPED"]


def test_a_back_that_is_the_mirrored_front_is_left_out() -> None:
    cutouts, depths = turnaround()
    textured = _with_stripes(cutouts[View.FRONT])
    settled = settle_views({**cutouts, View.FRONT: textured, View.BACK: mirror(textured)}, depths)
    assert View.BACK in settled.dropped


def test_another_subject_is_left_out() -> None:
    cutouts, depths = turnaround()
    other = replace(cutouts[View.LEFT], pixels=np.full_like(cutouts[View.LEFT].pixels, (20, 200, 30)))
    settled = settle_views({**cutouts, View.LEFT: other}, depths)
    assert View.LEFT in settled.dropped
    assert "shares only" in settled.findings[0].message


def _with_stripes(picture: Cutout) -> Cutout:
    pixels = picture.pixels.copy()
    pixels[::16, 60:120] = 0
    pixels[80:160:12, 130:150] = 255
    return replace(picture, pixels=pixels)


def test_each_face_is_painted_by_a_view_that_sees_it() -> None:
    cutouts, _ = turnaround()
    fused = fused_of(FOUR)
    mesh = simplify(fused.mesh, fused.depth, SimplifyOptions(faces=8000), ground=Ground())
    seen = {view: Seen(cutout=cutouts[view], camera=camera) for view, camera in fused.cameras.items()}
    painted = paint_views(mesh, seen, max_size_px=1024, name="x")
    shares = painted.provenance["seen"]
    assert isinstance(shares, dict)
    assert sum(shares.values()) == pytest.approx(1, abs=1e-3)
    assert shares["front"] > shares["left"]
    # What the front sees at a grazing angle only, a side shows better.
    normals, area = face_normals(mesh.vertices, mesh.faces)
    front = painted.mesh.source == int(Source.SEEN)
    grazing = front & (normals[:, 2] < 0.55)
    assert area[grazing].sum() < 0.15 * area[front].sum()
    assert painted.uv.min() >= 0
    assert painted.uv.max() <= 1
    assert set(painted.mesh.source) <= {int(Source.SEEN), int(Source.BACK_VIEW), int(Source.INVENTED)}
    # The paint is the place: what a texel says and where its face lies agree.
    texture = painted.texture.pixels
    middle = painted.uv.mean(1) * [texture.shape[1], texture.shape[0]]
    color = texture[middle[:, 1].astype(int), middle[:, 0].astype(int)].astype(float)
    height = mesh.vertices[mesh.faces].mean(1)[:, 1]
    known = painted.mesh.source != int(Source.INVENTED)
    assert np.corrcoef(color[known, 1], height[known])[0, 1] > 0.98


@pytest.mark.parametrize(
    ("views", "said"),
    [
        ((View.BACK, View.LEFT), "needs a front"),
        ((View.FRONT, View.LEFT, View.LEFT), "two pictures of left"),
        ((View.FRONT,), "2 to 8 sides"),
    ],
)
def test_what_is_no_set_of_views_is_refused(views: tuple[View, ...], said: str) -> None:
    blank = Picture(pixels=np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(BadInput, match=said):
        check_pictures([replace(blank, view=view) for view in views])


def test_one_picture_as_two_sides_is_refused() -> None:
    blank = Picture(pixels=np.zeros((4, 4, 3), np.uint8), source={"sha256": "a"})
    with pytest.raises(BadInput, match="one picture as front and as back"):
        check_pictures([blank, replace(blank, view=View.BACK)])


def test_views_are_judged_before_they_are_converted() -> None:
    cutouts, _ = turnaround()
    options = DepthOptions(model="dome")
    right = judge_views(cutouts, options)
    assert (right.score, right.verdict, right.findings) == (1.0, Verdict.APPROVE, ())
    wrong = judge_views({**cutouts, View.LEFT: replace(cutouts[View.FRONT], view=View.LEFT)}, options)
    assert wrong.verdict is Verdict.REVIEW
    assert wrong.values["left_out"] == "left"
    assert [said.code for said in wrong.findings] == ["VIEW_DROPPED"]


def test_from_front_and_back_a_side_is_wanted() -> None:
    # Both have one outline: nothing but the model tells how deep the figurine is.
    told = [entry for entry in made_of_two().figurine.findings if entry.code == "VIEW_WANTED"]
    assert [entry.values["view"] for entry in told] in (["left"], ["right"])
    assert "outline" in told[0].message


def test_front_and_back_have_the_solid_that_the_front_alone_has() -> None:
    # Both show one outline, which tells no depth: a hull of the two is a loaf.
    cutouts, depths = turnaround((View.FRONT, View.BACK))
    front, both = cutouts[View.FRONT], made_of_two()
    known = Start(cutouts=(front,), depth=place(depths[View.FRONT], front, TWO_SIDES.place))
    alone = run(front, TWO_SIDES, name="duck", start=known)
    size, wanted = (np.ptp(made.mesh.vertices, axis=0) for made in (both, alone))
    assert size == pytest.approx(wanted, rel=0.03)
    assert both.gathered is not None
    behind = both.gathered.views[1]
    assert behind.cutout.view is View.BACK
    # The camera behind puts the solid upon its picture.
    seen = compare_views(both.figurine, both.gathered.views)
    assert min(row.outline_iou for row in seen) > 0.93
    assert (both.figurine.mesh.source == Source.BACK_VIEW).mean() > 0.3


def test_what_neither_front_nor_back_shows_goes_on_around_the_rim() -> None:
    # Narrow belts: a blur over the surface would end them at the rim.
    def belts(points: F32) -> U8:
        return np.where(np.sin(points[:, 1:2] * 2 * np.pi / 0.08) > 0, 220, 40).repeat(3, 1).astype(np.uint8)

    shots = [shoot(figurine(), view, paint=belts) for view in (View.FRONT, View.BACK)]
    start = Start(cutouts=tuple(shot.picture for shot in shots), depths=tuple(shot.depth for shot in shots))
    made = run(
        start.cutouts[0], TWO_SIDES.change(faces=4000), name="duck", others=[start.cutouts[1]], start=start
    ).figurine
    beside = np.abs(face_normals(made.mesh.vertices, made.mesh.faces)[0][:, 0]) > 0.9
    shown = sample(made.texture.pixels, made.uv[beside].mean(1).astype(np.float32))[:, 0]
    assert np.mean((shown > 180) | (shown < 80)) > 0.7
