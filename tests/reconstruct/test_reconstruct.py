"""reconstruct/reconstruct.py: the shells pass through as they are, Poisson comes back closed and carved to the
silhouette."""

import numpy as np
import pytest
from silhouettes import assert_solid, ball, box, coverage_iou, disc, flat, genus, picture_of, ring

from slipcast.core.errors import BadInput
from slipcast.core.values import U8, PointCloud, Shells, Source
from slipcast.depth.dome import Dome
from slipcast.depth.place import PlaceOptions, place
from slipcast.reconstruct.points import PointOptions, make_points
from slipcast.reconstruct.reconstruct import METHODS, SurfaceOptions, reconstruct


def _samples(alpha: U8, depth: Shells) -> tuple[PointCloud, Shells]:
    picture = picture_of(alpha)
    placed = place(depth, picture, PlaceOptions(height_m=0.075))
    return make_points(placed, picture, PointOptions()), placed


def test_shells_are_the_lattice_itself() -> None:
    alpha, depth = ball(64, 1.0, 6.0)
    cloud, placed = _samples(alpha, depth)
    mesh = reconstruct(cloud, placed, SurfaceOptions())
    assert mesh.vertices is cloud.points or np.array_equal(mesh.vertices, cloud.points)
    assert cloud.joins is not None
    assert np.array_equal(mesh.faces, cloud.joins)
    assert (mesh.source == int(Source.INVENTED)).all()
    assert_solid(mesh)


def test_poisson_of_a_ball_is_a_ball_within_the_silhouette() -> None:
    alpha, depth = ball(72, 1.0, 6.0)
    cloud, placed = _samples(alpha, depth)
    mesh = reconstruct(cloud, placed, SurfaceOptions(method="poisson", octree_depth=5))
    assert_solid(mesh)
    assert genus(mesh) == 0
    assert coverage_iou(mesh, placed) > 0.97
    middle = (mesh.vertices.max(0) + mesh.vertices.min(0)) / 2
    reach = np.linalg.norm(mesh.vertices - middle, axis=1)
    assert np.median(reach) == pytest.approx(0.0375, rel=0.02)
    again = reconstruct(cloud, placed, SurfaceOptions(method="poisson", octree_depth=5))
    assert again.vertices.tobytes() == mesh.vertices.tobytes()
    assert again.faces.tobytes() == mesh.faces.tobytes()


@pytest.mark.parametrize("kind", ["dome", "slab"])
@pytest.mark.parametrize(("shape", "holes"), [("ring", 1), ("bar", 0)])
def test_poisson_keeps_holes_and_flat_sides(kind: str, shape: str, holes: int) -> None:
    # Walls have no samples of the lattice inside; without samples of their own Poisson leaves its box there.
    alpha = ring(72, 30, 15) if shape == "ring" else box(72, 8, 26, 56, 20)
    depth = Dome().predict(picture_of(alpha)) if kind == "dome" else flat(alpha, 200, 214)
    cloud, placed = _samples(alpha, depth)
    mesh = reconstruct(cloud, placed, SurfaceOptions(method="poisson", octree_depth=5))
    assert_solid(mesh)
    assert genus(mesh) == holes
    assert coverage_iou(mesh, placed) > 0.97


def test_an_unknown_way_is_refused() -> None:
    alpha = disc(32, 10)
    cloud, placed = _samples(alpha, flat(alpha, 90, 100))
    with pytest.raises(BadInput, match=", ".join(METHODS)):
        reconstruct(cloud, placed, SurfaceOptions(method="ball-pivoting"))


def test_loose_samples_are_wrong_use() -> None:
    alpha = disc(32, 10)
    cloud, placed = _samples(alpha, flat(alpha, 90, 100))
    loose = PointCloud(points=cloud.points, colors=cloud.colors, source=cloud.source)
    with pytest.raises(ValueError, match="joined"):
        reconstruct(loose, placed, SurfaceOptions())
