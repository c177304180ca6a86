"""Figurines modelled in code: body plans with random proportions, poses and belongings, no two alike.

245 modelled characters are learned by heart within some ten thousand steps; these add what they have next to none of:
beasts, fish, insects, machines, busts and things, seen from all sides.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from training.beings import beast, bird, fish, insect, person, serpent
from training.members import (
    COLORS,
    DARK,
    DRESS,
    EYE,
    SKIN,
    TRIM,
    Rng,
    both,
    head,
    held,
    limb,
    oval,
    palette,
    tail,
    wings,
)
from training.meshes import Textured
from training.shapes import Part, assembled, block, plate, tube, turn_xyz, turned, xyz

Plan = Callable[[Rng], list[Part]]


def made(rng: Rng) -> Textured:
    """One figurine."""
    plans: list[tuple[Plan, float]] = [
        (person, 3), (beast, 4), (bird, 1.5), (fish, 1.5), (insect, 2), (serpent, 1.5),
        (machine, 2), (bust, 1), (thing, 2), (monster, 2), (heap, 1.5),
    ]  # fmt: skip
    odds = np.array([weight for _, weight in plans])
    parts = plans[rng.choice(len(plans), p=odds / odds.sum())][0](rng)
    return assembled(parts, palette(rng))


def machine(rng: Rng) -> list[Part]:
    """A vehicle, gun, walker or robot of boxes, drums, wheels and pipes."""
    parts: list[Part] = []
    size = np.array([rng.uniform(0.25, 0.6), rng.uniform(0.15, 0.5), rng.uniform(0.3, 0.9)])
    square = rng.uniform(0.12, 0.6)
    parts.append(block(size, DRESS, at=(0, 0, 0), square=square))
    for _ in range(int(rng.integers(1, 5))):
        small = size * rng.uniform(0.2, 0.75, 3)
        at = (
            np.array(
                [0 if rng.random() < 0.6 else rng.uniform(0, 1), rng.uniform(-0.3, 1), rng.uniform(-1, 1)]
            )
            * size
        )
        part = block(small, rng.choice([DRESS, DARK, TRIM]), at=at, square=rng.uniform(0.12, 1.0))
        parts += both(part) if at[0] else [part]
    kind = rng.choice(3, p=[0.5, 0.3, 0.2])
    if kind == 0:
        wheel, wide = rng.uniform(0.12, 0.4), rng.uniform(0.04, 0.14)
        rim = [
            (wheel * 0.7, -wide),
            (wheel, -wide * 0.8),
            (wheel, wide * 0.8),
            (wheel * 0.7, wide),
            (wheel * 0.25, wide * rng.uniform(0.6, 1.6)),
        ]
        for z in np.linspace(-0.75, 0.75, int(rng.integers(1, 4))) * size[2]:
            parts += both(turned(rim, DARK, at=(size[0] + wide, -size[1], z), turn=turn_xyz(0, 0, -90)))
    elif kind == 1:
        for z in (0,) if rng.random() < 0.5 else (0.6, -0.6):
            at = np.array([size[0] * 0.7, -size[1] * 0.6, z * size[2]])
            ways = [
                np.array([rng.uniform(0, 0.3), rng.uniform(-0.3, 0.15), rng.normal(0, 0.2)]),
                np.array([rng.uniform(0, 0.15), -rng.uniform(0.3, 0.6), rng.normal(0, 0.15)]),
            ]
            leg, foot = limb(rng, at, ways, rng.uniform(0.06, 0.14), DARK, end=TRIM)
            leg.append(block((0.14, 0.05, 0.2), DARK, at=foot, square=0.3))
            parts += [*leg, *(part.mirrored() for part in leg)]
    if rng.random() < 0.6:
        long, wide = rng.uniform(0.3, 1.3), rng.uniform(0.05, 0.22)
        bore = [
            (wide, 0),
            (wide * rng.uniform(0.6, 1.1), long * 0.8),
            (wide * rng.uniform(0.7, 1.4), long * 0.85),
            (wide, long),
        ]
        gun = turned(
            bore,
            TRIM,
            at=(0, size[1] * rng.uniform(0, 1.2), size[2] * rng.uniform(-0.3, 0.8)),
            turn=turn_xyz(90 - rng.uniform(-5, 50), 0, 0),
        )
        parts += [gun] if rng.random() < 0.7 else both(gun.moved((size[0], 0, 0)))
    if rng.random() < 0.4:
        parts += head(rng, np.array([0, size[1] + 0.15, 0]), rng.uniform(0.15, 0.35))
    for _ in range(int(rng.integers(0, 4))):
        a = rng.uniform(-1, 1, 3) * size * 1.15
        b = a + rng.normal(0, 0.25, 3)
        parts += both(tube([a, (a + b) / 2 + rng.normal(0, 0.12, 3), b], [rng.uniform(0.02, 0.06)] * 3, DARK))
    if rng.random() < 0.3:
        for side in (1, -1):
            at = np.array([side * size[0], 0.2 * size[1], 0])
            arm, hand = limb(
                rng,
                at,
                [
                    np.array([side * 0.2, rng.normal(-0.1, 0.2), 0.05]),
                    np.array([0, rng.normal(-0.1, 0.25), rng.uniform(0, 0.4)]),
                ],
                rng.uniform(0.05, 0.13),
                DARK,
            )
            parts += arm + (held(rng, hand, 0.5) if rng.random() < 0.4 else [])
    return parts


def bust(rng: Rng) -> list[Part]:
    """Head and shoulders on a foot."""
    wide = rng.uniform(0.35, 0.75)
    parts = [
        tube(
            [(-wide, 0.05, 0), (0, 0.15, rng.normal(0, 0.05)), (wide, 0.05, 0)],
            [rng.uniform(0.12, 0.25), 0.32, rng.uniform(0.12, 0.25)],
            DRESS,
            sides=18,
        )
    ]
    parts.append(tube([(0, 0.2, 0), (0, rng.uniform(0.45, 0.7), 0.05)], [rng.uniform(0.14, 0.25)] * 2, SKIN))
    parts += head(rng, np.array([0, rng.uniform(0.7, 0.95), 0.08]), rng.uniform(0.28, 0.5))
    parts.append(block((wide * 0.8, 0.35, 0.28), DRESS, at=(0, -0.12, 0), square=rng.uniform(0.5, 1.1)))
    if rng.random() < 0.8:
        low = -rng.uniform(0.35, 0.9)
        parts.append(
            turned(
                [
                    (rng.uniform(0.2, 0.5), low),
                    (rng.uniform(0.12, 0.4), low + 0.1),
                    (rng.uniform(0.08, 0.25), low * 0.6),
                    (0.25, -0.2),
                ],
                DARK,
            )
        )
    return parts


def thing(rng: Rng) -> list[Part]:
    """A turned thing with something on it: chess men, lanterns, mushrooms, vessels, trees, houses."""
    count = int(rng.integers(4, 10))
    height = np.sort(rng.uniform(0, rng.uniform(0.6, 1.6), count))
    profile = np.stack([rng.uniform(0.06, 0.45, count), height], 1)
    parts = [turned(profile, SKIN, sides=int(rng.choice([4, 6, 8, 24, 24])))]
    top = float(height[-1])
    kind = rng.random()
    if kind < 0.3:
        parts.append(block(rng.uniform(0.1, 0.5, 3), DRESS, at=(0, top, 0), square=rng.uniform(0.2, 2)))
    elif kind < 0.5:
        parts.append(
            turned(
                [
                    (rng.uniform(0.3, 0.7), top - 0.1),
                    (rng.uniform(0.2, 0.6), top + 0.1),
                    (0.02, top + rng.uniform(0.1, 0.6)),
                ],
                DRESS,
            )
        )
    elif kind < 0.7:
        parts += head(rng, np.array([0, top + 0.15, 0]), rng.uniform(0.15, 0.35))
    for _ in range(int(rng.integers(0, 4))):
        low, up = np.sort(rng.uniform(0, top, 2))
        out = rng.uniform(0.35, 0.7)
        handle = tube(
            [(0.15, low, 0), (out, (low + up) / 2, 0), (0.15, up + 0.1, 0)],
            [rng.uniform(0.03, 0.09)] * 3,
            TRIM,
        ).moved((0, 0, 0), turn_xyz(0, rng.uniform(-180, 180)))
        parts += both(handle) if rng.random() < 0.5 else [handle]
    for _ in range(int(rng.integers(0, 3))):
        at = np.array([rng.normal(0, 0.3), rng.uniform(0, 0.3), rng.normal(0, 0.3)])
        parts.append(
            block(
                rng.uniform(0.08, 0.3, 3),
                DARK,
                at=at,
                square=rng.uniform(0.15, 1.5),
                turn=turn_xyz(*rng.uniform(-40, 40, 3)),
            )
        )
    return parts


def monster(rng: Rng) -> list[Part]:
    """A round body with a face on it, and any limbs."""
    size = rng.uniform(0.3, 0.6, 3)
    parts = [block(size, SKIN, square=rng.uniform(0.6, 1.1))]
    for _ in range(int(rng.integers(0, 5))):
        way = rng.normal(0, 1, 3)
        parts += both(block(size * rng.uniform(0.25, 0.7), SKIN, at=way / np.linalg.norm(way) * size * 0.8))
    for _ in range(int(rng.integers(1, 4))):
        eye = rng.uniform(0.05, 0.18)
        x = rng.uniform(0, 0.5)
        y = rng.uniform(-0.1, 0.6)
        z = size[2] * np.sqrt(max(0.1, 1 - x * x - y * y))
        parts += both(block((eye,) * 3, EYE, at=(x * size[0], y * size[1], z)))
    if rng.random() < 0.5:
        parts.append(
            block(
                (rng.uniform(0.1, 0.3), rng.uniform(0.03, 0.15), 0.1),
                DARK,
                at=(0, -0.3 * size[1], size[2] * 0.9),
            )
        )
    for _ in range(int(rng.integers(0, 3))):
        at = np.array([size[0] * 0.8, rng.uniform(-0.5, 0.4) * size[1], rng.normal(0, 0.1)])
        arm, hand = limb(
            rng,
            at,
            [
                np.array([rng.uniform(0.05, 0.35), rng.normal(0, 0.2), rng.normal(0.05, 0.15)]),
                np.array([rng.normal(0.05, 0.15), rng.normal(-0.1, 0.25), rng.uniform(0, 0.35)]),
            ],
            rng.uniform(0.06, 0.18),
            SKIN,
        )
        parts += [*arm, *(part.mirrored() for part in arm)]
        if rng.random() < 0.3:
            parts += held(rng, hand, rng.uniform(0.3, 0.8))
    if rng.random() < 0.7:
        for x in (1, -1):
            parts += limb(
                rng,
                np.array([x * size[0] * 0.5, -0.6 * size[1], 0]),
                [
                    np.array([x * 0.05, -rng.uniform(0.1, 0.3), 0.03]),
                    np.array([0, -rng.uniform(0.1, 0.25), rng.normal(0.02, 0.05)]),
                ],
                rng.uniform(0.08, 0.2),
                SKIN,
            )[0]
    for _ in range(int(rng.integers(0, 4))):
        at = np.array([rng.uniform(0, 0.6) * size[0], 0.8 * size[1], rng.normal(0, 0.2) * size[2]])
        parts += both(
            tube(
                [at, at + xyz(rng.uniform(0, 0.25), rng.uniform(0.1, 0.4), rng.normal(0, 0.15))],
                [0.1, 0.02],
                TRIM,
            )
        )
    if rng.random() < 0.4:
        parts.append(
            tail(
                rng,
                np.array([0, -0.3 * size[1], -size[2] * 0.8]),
                rng.uniform(0.3, 1),
                rng.uniform(0.06, 0.2),
            )
        )
    if rng.random() < 0.2:
        parts += wings(rng, np.array([size[0] * 0.6, 0.3 * size[1], -0.5 * size[2]]), rng.uniform(0.5, 1))
    return parts


def heap(rng: Rng) -> list[Part]:
    """Any parts, mostly in pairs, each grown on one before it: what no body plan foresees."""
    parts: list[Part] = []
    spots = [np.zeros(3)]
    for n in range(int(rng.integers(4, 12))):
        size = rng.uniform(0.08, 0.45) * (1.5 if n == 0 else 1)
        at = spots[rng.integers(len(spots))] + rng.normal(0, 0.25, 3) * (n > 0)
        turn = turn_xyz(*rng.uniform(-180, 180, 3)) if rng.random() < 0.6 else None
        color = int(rng.integers(0, COLORS))
        kind = int(rng.integers(0, 4))
        if kind == 0:
            part = block(rng.uniform(0.3, 1, 3) * size, color, square=rng.uniform(0.12, 2))
        elif kind == 1:
            part = tube(
                np.cumsum(rng.normal(0, size * 0.7, (4, 3)), 0), rng.uniform(0.1, 0.5, 4) * size, color
            )
        elif kind == 2:
            heights = np.sort(rng.uniform(-1, 1, 5)) * size
            part = turned(np.stack([rng.uniform(0.1, 0.9, 5) * size, heights], 1), color)
        else:
            part = plate(
                oval(rng, size, size * rng.uniform(0.3, 1)),
                rng.uniform(0.05, 0.3) * size,
                color,
                bend=rng.normal(0, 0.4),
            )
        part = part.moved(at, turn)
        spots.append(at)
        parts += both(part) if n and rng.random() < 0.6 else [part]
    return parts
