"""winding.py: faces turned at random are found, bodies that are inside out are turned with their cavities."""

import numpy as np
import pytest
from shapes import cube, sphere

from slipcast.core.values import F32, I32
from slipcast.mesh.bodies import find_bodies
from slipcast.mesh.winding import find_inward, find_turned


def shells(*parts: tuple[float, float, bool]) -> tuple[F32, I32]:
    """Balls of a radius with their middles at x, each looking inward or not."""
    points, faces, count = [], [], 0
    for radius, x, inward in parts:
        ball = sphere(radius, 8, 10)
        points.append(ball.vertices + np.array([x, -radius, 0], np.float32))
        faces.append((ball.faces[:, ::-1] if inward else ball.faces) + count)
        count += len(ball.vertices)
    return np.concatenate(points), np.concatenate(faces).astype(np.int32)


def test_faces_turned_at_random_are_found_shell_by_shell() -> None:
    rng = np.random.default_rng(3)
    _, faces = shells((1, 0, False), (0.5, 3, False))
    wrong = rng.random(len(faces)) < 0.3
    assert np.array_equal(find_turned(np.where(wrong[:, None], faces[:, ::-1], faces)), wrong)
    assert not find_turned(faces).any()
    assert not find_turned(faces[:0]).any()


def test_a_moebius_strip_is_left_alone() -> None:
    k = np.arange(8)
    low, high = 2 * k, 2 * k + 1
    after_low, after_high = np.roll(low, -1), np.roll(high, -1)
    after_low[-1], after_high[-1] = high[0], low[0]
    faces = np.concatenate([np.stack([low, after_low, high], 1), np.stack([high, after_low, after_high], 1)])
    assert not find_turned(faces.astype(np.int32)).any()


def test_two_blocks_that_share_an_edge_are_judged_apart() -> None:
    block = cube()
    # The second block's first corner pair lies on an edge of the first: four faces meet there.
    edge = block.faces[0, :2]
    second = block.faces + len(block.vertices)
    for corner in edge:
        second[second == corner + len(block.vertices)] = corner
    faces = np.concatenate([block.faces, second[:, ::-1]]).astype(np.int32)
    assert not find_turned(faces).any()


@pytest.mark.parametrize(
    ("parts", "turned"),
    [
        ([(1, 0, False)], [False]),
        ([(1, 0, True)], [True]),
        ([(1, 0, False), (0.5, 3, True)], [False, True]),
        ([(1, 0, True), (0.5, 3, False)], [True, False]),
        ([(1, 0, False), (0.5, 0, True)], [False, False]),
        # A hollow body that is inside out as a whole stays hollow.
        ([(1, 0, True), (0.5, 0, False)], [True, True]),
        ([(1, 0, True), (0.8, 0, False), (0.6, 0, True), (0.4, 0, False)], [True] * 4),
        # An island in a cavity.
        ([(1, 0, False), (0.8, 0, True), (0.4, 0, True)], [False, False, True]),
        # Two cavities that run together.
        ([(1, 0, False), (0.3, -0.25, True), (0.3, 0.25, True)], [False] * 3),
        # Half outside it is no cavity.
        ([(1, 0, False), (0.5, 1, True)], [False, True]),
        ([(1, 0, False), (0.5, 0.6, True)], [False, True]),
    ],
)
def test_bodies_look_outward(parts: list[tuple[float, float, bool]], turned: list[bool]) -> None:
    points, faces = shells(*parts)
    found = find_inward(points, faces)
    shell = find_bodies(points, faces).shell
    assert [bool(found[shell == k].all()) for k in range(len(parts))] == turned
    assert [bool(found[shell == k].any()) for k in range(len(parts))] == turned
