"""What the figurines made in code have in common: heads with faces, limbs, wings, tails, things held, colours.

Lengths are in the figurine's own unit, about its height; a figurine faces +Z, +Y is up.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.shapes import SHADES, Array, Part, block, plate, tube, turn_xyz, turned

Rng = np.random.Generator
COLORS = 16
SKIN, DRESS, DARK, TRIM, EYE = 0, 1, 2, 3, 4
"""Rows of the palette."""


def palette(rng: Rng) -> NDArray[np.uint8]:
    """Colours (COLORS, SHADES, 3): dull and bright ones, each running from one tone to another, or in stripes."""
    base = rng.uniform(0, 255, (COLORS, 1, 3))
    base += (base.mean(2, keepdims=True) - base) * rng.uniform(0, 1) * rng.uniform(0.2, 1)
    drift = rng.normal(0, 25, (COLORS, 1, 3)) * np.linspace(-1, 1, SHADES)[None, :, None]
    stripes = (
        rng.normal(0, 40, (COLORS, 1, 3))
        * (np.arange(SHADES) % 2)[None, :, None]
        * (rng.random((COLORS, 1, 1)) < 0.2)
    )
    found = base + drift + stripes
    found[EYE] = rng.choice([15, 245])
    if rng.random() < 0.3:
        found[SKIN] = found[DRESS]
    return np.clip(found, 4, 250).astype(np.uint8)


def both(part: Part) -> list[Part]:
    """A part and its mirror image."""
    return [part, part.mirrored()]


def oval(rng: Rng, width: float, height: float, spikes: float = 0.25) -> Array:
    """An outline (28,2) about (0, 0): an ellipse with random lobes."""
    angle = np.arange(28) / 28 * 2 * np.pi
    radius = np.ones(28)
    for k in (1, 2, 3, 5):
        radius += rng.normal(0, spikes / k) * np.cos(k * angle + rng.uniform(0, 6.3))
    return np.stack([width * np.cos(angle), height * np.sin(angle)], 1) * np.clip(radius, 0.25, 2)[:, None]


def head(rng: Rng, at: Array, size: float, *, turn: Array | None = None) -> list[Part]:
    """A head with a face, and what grows on it or is worn there; `at` is its middle."""
    turn = turn_xyz(rng.normal(0, 10), rng.normal(0, 18), rng.normal(0, 6)) if turn is None else turn
    wide, deep = size * rng.uniform(0.75, 1.15), size * rng.uniform(0.75, 1.15)
    parts = [block((wide, size, deep), SKIN, square=rng.uniform(0.6, 1.15))]
    kind = rng.random()
    if kind < 0.45:
        nose = rng.uniform(0.1, 0.3) * size
        parts.append(block((nose * 0.7, nose, nose), SKIN, at=(0, -0.1 * size, deep)))
    elif kind < 0.8:
        snout = rng.uniform(0.5, 1.3) * size
        parts.append(
            tube(
                [(0, -0.1 * size, 0.4 * deep), (0, -0.25 * size, deep + 0.7 * snout)],
                [0.55 * size, rng.uniform(0.2, 0.4) * size],
                SKIN,
            )
        )
        parts.append(block((0.12 * size,) * 3, EYE, at=(0, -0.15 * size, deep + 0.9 * snout)))
    else:
        beak = rng.uniform(0.5, 1.4) * size
        parts.append(
            tube(
                [(0, 0, 0.6 * deep), (0, rng.normal(-0.1, 0.15) * size, deep + beak)],
                [0.35 * size, 0.04 * size],
                TRIM,
            )
        )
    eye = rng.uniform(0.08, 0.25) * size
    parts += both(
        block((eye, eye * rng.uniform(0.8, 1.4), eye), EYE, at=(0.45 * wide, 0.2 * size, 0.78 * deep))
    )
    kind = rng.random()
    if kind < 0.3:
        ear = plate(
            oval(rng, 0.3 * size, rng.uniform(0.3, 0.9) * size),
            0.15 * size,
            SKIN,
            at=(0.75 * wide, 0.8 * size, 0),
            turn=turn_xyz(0, rng.normal(0, 30), rng.normal(-25, 20)),
        )
        parts += both(ear)
    elif kind < 0.5:
        up = rng.uniform(0.3, 1.5) * size
        parts += both(
            tube(
                [
                    (0.5 * wide, 0.6 * size, 0),
                    (0.9 * wide, size + 0.5 * up, rng.normal(0, 0.4) * size),
                    (rng.uniform(0.3, 1.3) * wide, size + up, rng.normal(0, 0.6) * size),
                ],
                [0.2 * size, 0.14 * size, 0.03 * size],
                TRIM,
            )
        )
    elif kind < 0.7:
        top = rng.uniform(0.3, 1.4) * size
        parts.append(
            turned(
                [
                    (rng.uniform(0.9, 1.7) * wide, 0),
                    (0.8 * wide, 0.12 * size),
                    (rng.uniform(0.1, 0.8) * wide, top),
                ],
                DRESS,
                at=(0, 0.55 * size, 0),
                turn=turn_xyz(rng.normal(-8, 8), 0, rng.normal(0, 6)),
            )
        )
    elif kind < 0.85:
        parts.append(
            block(
                (wide * 1.08, size * 0.9, deep * 1.05),
                DARK,
                at=(0, 0.25 * size, -0.2 * deep),
                square=rng.uniform(0.6, 1.2),
            )
        )
        if rng.random() < 0.4:
            parts.append(
                tube(
                    [
                        (0, 0.4 * size, -deep),
                        (rng.normal(0, 0.3) * size, -0.6 * size, -1.4 * deep),
                        (0, -rng.uniform(1, 2.2) * size, -deep),
                    ],
                    [0.4 * size, 0.35 * size, 0.1 * size],
                    DARK,
                )
            )
    if rng.random() < 0.12:
        parts.append(block((0.5 * wide, 0.7 * size, 0.35 * deep), DARK, at=(0, -0.8 * size, 0.7 * deep)))
    return [part.moved(at, turn) for part in parts]


def held(rng: Rng, at: Array, size: float) -> list[Part]:
    """What a hand holds."""
    turn = turn_xyz(rng.normal(0, 35), rng.uniform(-180, 180), rng.normal(0, 35))
    kind = int(rng.integers(0, 6))
    if kind == 0:
        blade = plate(
            [(0.09, -0.2), (0.09, 1.2), (0, 1.5), (-0.09, 1.2), (-0.09, -0.2)] * np.array(size),
            0.06 * size,
            TRIM,
        )
        parts = [
            blade,
            block((0.3 * size, 0.05 * size, 0.07 * size), DARK, square=0.3),
            tube([(0, -0.35 * size, 0), (0, 0, 0)], [0.06 * size] * 2, DARK),
        ]
    elif kind == 1:
        parts = [
            tube([(0, -1.2 * size, 0), (0, 1.3 * size, 0)], [0.05 * size] * 2, DARK),
            block(rng.uniform(0.1, 0.35, 3) * size, TRIM, at=(0, 1.4 * size, 0), square=rng.uniform(0.2, 2)),
        ]
    elif kind == 2:
        parts = [
            plate(
                oval(rng, rng.uniform(0.4, 0.9) * size, rng.uniform(0.4, 0.9) * size, 0.1),
                0.15 * size,
                DRESS,
                at=(0, 0, 0.2 * size),
                bend=-0.3 / size,
            )
        ]
        turn = turn_xyz(rng.normal(0, 15), rng.normal(0, 40), 0)
    elif kind == 3:
        parts = [
            turned(
                [
                    (0.12 * size, -0.3 * size),
                    (0.3 * size, -0.2 * size),
                    (rng.uniform(0.1, 0.4) * size, 0.3 * size),
                    (0.1 * size, 0.45 * size),
                ],
                TRIM,
            )
        ]
    elif kind == 4:
        parts = [block(rng.uniform(0.15, 0.5, 3) * size, TRIM, square=rng.uniform(0.15, 1.2))]
    else:
        bow = [(0, y * size, (0.3 - 0.3 * y * y) * size) for y in (-1, -0.5, 0, 0.5, 1)]
        parts = [tube(bow, [0.03 * size, 0.06 * size, 0.07 * size, 0.06 * size, 0.03 * size], DARK)]
    return [part.moved(at, turn) for part in parts]


def limb(
    rng: Rng, start: Array, ways: list[Array], radius: float, color: int, *, end: int | None = SKIN
) -> tuple[list[Part], Array]:
    """A chain of joints from `start` and where it ends; `end` colours a hand or paw."""
    joints = [start]
    for way in ways:
        joints.append(joints[-1] + way)
    taper = np.linspace(1, rng.uniform(0.5, 0.9), len(joints)) * radius
    parts = [tube(joints, taper, color, flat=rng.uniform(0.85, 1.15))]
    if end is not None:
        size = radius * rng.uniform(0.8, 1.5)
        parts.append(
            block((size, size * rng.uniform(0.7, 1.1), size * rng.uniform(0.8, 1.3)), end, at=joints[-1])
        )
    return parts, joints[-1]


def wings(rng: Rng, at: Array, size: float) -> list[Part]:
    """A pair, spread or folded."""
    outline = oval(rng, rng.uniform(0.4, 0.9) * size, rng.uniform(0.2, 0.6) * size, 0.3)
    outline += [abs(outline[:, 0].min()) * 0.95, 0]
    part = plate(
        outline,
        0.06 * size,
        rng.choice([DRESS, TRIM]),
        turn=turn_xyz(rng.normal(0, 25), rng.uniform(-10, 70), rng.normal(20, 30)),
        bend=rng.normal(0, 0.25),
    )
    return both(part.moved(at))


def tail(rng: Rng, at: Array, length: float, radius: float) -> Part:
    """A tail that starts backwards at `at`."""
    way, points = np.array([rng.normal(0, 0.2), rng.normal(0.1, 0.4), -1.0]), [at]
    for _ in range(4):
        way = way + rng.normal(0, 0.45, 3)
        points.append(points[-1] + way / np.linalg.norm(way) * length / 4)
    return tube(points, radius * np.array([1, 0.9, 0.8, 0.65, rng.choice([0.1, 0.4, 1.4])]), SKIN)
