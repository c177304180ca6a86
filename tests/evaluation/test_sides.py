"""What the sides and the up of a mesh are judged by, on bodies whose answer is known."""

import math
from dataclasses import replace

import numpy as np
import pytest
import shapes

from evaluation.evaluate import compare
from evaluation.protocol import COLUMNS, score
from evaluation.shape import Shape
from evaluation.sides import compare_sides, look_from_side, roughness_deg


def ball(*, ripple: float = 0.0) -> Shape:
    mesh = shapes.sphere(1.0, rings=120, segments=160, lift_m=0.0)
    points = mesh.vertices.astype(np.float64)
    wave = 1 + ripple * np.prod(np.sin(20 * points), axis=1)
    return Shape(vertices=points * wave[:, None], faces=mesh.faces.astype(np.int64))


def turned(shape: Shape, degrees: float) -> Shape:
    """The shape after its top went towards the viewer by so much."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return replace(shape, vertices=shape.vertices @ np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]]).T)


def test_a_ball_has_quiet_sides_and_a_rippled_one_has_not() -> None:
    calm = roughness_deg(look_from_side(ball(), 1.0))
    lumpy = roughness_deg(look_from_side(ball(ripple=0.02), 1.0))
    assert calm < 1.5  # its own facets
    assert lumpy > 5 * calm


def test_a_shape_against_itself_has_the_sides_of_its_own() -> None:
    angle, rough = compare_sides(ball(ripple=0.02), ball(ripple=0.02))
    assert angle < 0.1
    assert rough == pytest.approx(1)


def test_lumps_count_against_either_side() -> None:
    angle, rough = compare_sides(ball(ripple=0.02), ball())
    other, smooth = compare_sides(ball(), ball(ripple=0.02))
    assert angle == pytest.approx(other, abs=0.5)
    assert angle > 3
    assert rough > 2
    assert smooth < 0.5


def test_a_wall_for_a_round_side_is_off_by_half_a_right_angle_and_more() -> None:
    """Over a ball's own disc the mean is 45 degrees; the corners of the wall lie beside the ball's rim."""
    cube = shapes.cube(2.0)
    middle = cube.vertices.mean(0)
    flat = Shape(vertices=(cube.vertices - middle) * [0.01, 1.0, 1.0], faces=cube.faces.astype(np.int64))
    angle, _ = compare_sides(flat, ball())
    assert angle == pytest.approx(60, abs=15)


def test_up_is_measured_against_the_cameras_elevation() -> None:
    upright = ball().vertices * [0.5, 1.0, 0.3]
    standing = Shape(vertices=upright, faces=ball().faces)
    seen = turned(standing, 10.0)  # what a camera sees that looks 10 degrees down

    def up(ours: Shape) -> float:
        return score(ours, seen, distance=5, fov_deg=30, pitch_deg=10.0, samples=6_000, workers=1).up

    assert up(standing) == pytest.approx(0, abs=1)
    assert up(seen) == pytest.approx(10, abs=1)
    unknown = score(standing, seen, distance=5, fov_deg=30, samples=2_000, workers=1)
    assert math.isnan(unknown.up)


def test_of_two_roughnesses_the_one_nearer_to_the_truth_is_better() -> None:
    calm = dict.fromkeys(COLUMNS, 1.0) | {"rough": 0.9}
    lumpy = dict.fromkeys(COLUMNS, 1.0) | {"rough": 2.0}
    votes = compare({"a": calm}, {"a": lumpy}).splitlines()[-1].split()
    assert votes[1 + COLUMNS.index("rough")] == "1:0"
