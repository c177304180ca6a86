"""Living figurines made in code: people, beasts, birds, fish, insects, serpents, in random builds and poses."""

from __future__ import annotations

import numpy as np

from training.members import DARK, DRESS, EYE, SKIN, TRIM, Rng, both, head, held, limb, oval, tail, wings
from training.shapes import Part, block, plate, tube, turn_xyz, turned, xyz


def person(rng: Rng) -> list[Part]:
    """On two legs, standing, walking, kneeling or sitting; from a doll to an ogre."""
    tall, wide = rng.uniform(0.6, 1.2), rng.uniform(0.18, 0.5)
    deep = wide * rng.uniform(0.55, 1.0)
    leg, big = rng.uniform(0.2, 1.1), rng.uniform(0.16, 0.5)
    lean = rng.normal(0, 0.12, 2)
    hip, chest = np.array([0, leg, 0.0]), np.array([lean[0], leg + tall * 0.75, lean[1]])
    middle = (hip + chest) / 2 + xyz(0, 0, rng.normal(0, 0.05))
    belly = rng.uniform(0.7, 1.4)
    parts = [
        tube(
            [hip, middle, chest],
            [deep, deep * belly, deep * rng.uniform(0.8, 1.2)],
            DRESS,
            flat=wide / deep,
            sides=18,
        )
    ]
    parts += head(rng, chest + xyz(lean[0] * 0.3, deep * 0.8 + big * 0.9, rng.uniform(-0.02, 0.12)), big)
    same = rng.random() < 0.4
    pose = rng.choice(4, p=[0.5, 0.25, 0.1, 0.15])
    reach, thick = rng.uniform(0.25, 0.5) * tall, rng.uniform(0.05, 0.16)
    out = np.array([rng.uniform(0.1, 1.2), rng.normal(-0.8, 0.6), rng.normal(0.1, 0.5)])
    for side in (1, -1):
        if not same:
            out = np.array([rng.uniform(0.1, 1.2), rng.normal(-0.8, 0.6), rng.normal(0.1, 0.5)])
        upper = out / np.linalg.norm(out) * [side, 1, 1] * reach
        fore = (
            upper * rng.uniform(-0.2, 1)
            + np.array([-side * rng.uniform(0, 0.6), rng.normal(0.1, 0.6), rng.uniform(0, 1.0)]) * reach
        )
        fore *= reach * rng.uniform(0.8, 1.1) / max(float(np.linalg.norm(fore)), 1e-6)
        start = chest + xyz(side * wide * rng.uniform(0.75, 0.95), 0, 0)
        arm, hand = limb(rng, start, [upper, fore], thick, rng.choice([DRESS, SKIN, DARK]))
        parts += arm
        if rng.random() < 0.4:
            parts += held(rng, hand, rng.uniform(0.25, 0.7) * tall)
    for side in (1, -1):
        at = hip + xyz(side * wide * 0.5, 0, 0)
        foot = np.array([0, -0.5 * leg, 0.0])
        ways = [foot + xyz(side * 0.06, 0, rng.normal(0.02, 0.04)), foot]
        if pose == 1:
            swing = side * rng.uniform(0.1, 0.6) * leg
            ways = [foot + xyz(0, 0, swing), foot + xyz(0, abs(swing) * 0.2, -swing * rng.uniform(-0.3, 0.8))]
        elif pose == 2:
            ways = [np.array([side * 0.12, -0.05, 0.5 * leg]), np.array([0, -0.5 * leg, 0.05])]
        elif pose == 3:
            ways = [
                np.array([side * rng.uniform(0.05, 0.5) * leg, -0.45 * leg, rng.uniform(0, 0.3) * leg]),
                foot - xyz(0, 0, rng.uniform(0, 0.3) * leg),
            ]
        parts += limb(rng, at, ways, rng.uniform(0.07, 0.2), rng.choice([DARK, DRESS]), end=None)[0]
        sole = at + ways[0] + ways[1]
        size = rng.uniform(0.08, 0.2)
        parts.append(
            block(
                (size * 0.8, size * 0.6, size * rng.uniform(1, 1.8)),
                DARK,
                at=sole + xyz(0, 0, size * 0.6),
                square=rng.uniform(0.4, 1),
            )
        )
    if rng.random() < 0.3:
        low = rng.uniform(0.0, 0.9) * leg
        parts.append(
            turned([(wide * rng.uniform(1.0, 2.2), low), (wide, hip[1]), (wide * 0.8, middle[1])], DRESS)
        )
    if rng.random() < 0.25:
        cape = np.array(
            [
                (-0.6, 0.1),
                (-0.2, 0.3),
                (0.2, 0.3),
                (0.6, 0.1),
                (0.9, -1),
                (0.4, -1.1),
                (-0.4, -1.1),
                (-0.9, -1),
            ]
        )
        parts.append(
            plate(
                cape * [wide * 1.5, tall],
                0.06,
                TRIM,
                at=chest + xyz(0, 0, -deep * 1.25),
                turn=turn_xyz(rng.uniform(-5, 20)),
                bend=rng.uniform(-0.2, 0.4),
            )
        )
    if rng.random() < 0.2:
        parts.append(
            block(
                (wide * 0.8, tall * 0.35, 0.8 * deep),
                TRIM,
                at=middle + xyz(0, 0.1, -1.7 * deep),
                square=rng.uniform(0.2, 1),
            )
        )
    if rng.random() < 0.15:
        parts += wings(rng, chest + xyz(0, 0, -deep), tall)
    if rng.random() < 0.15:
        parts.append(tail(rng, hip + xyz(0, 0, -deep), tall, 0.09))
    return parts


def beast(rng: Rng) -> list[Part]:
    """On four legs, standing, walking, sitting or lying: from a mouse to an elephant, with wings and horns at times."""
    long, high = rng.uniform(0.5, 1.3), rng.uniform(0.1, 0.9)
    thick = rng.uniform(0.16, 0.42)
    sits = rng.random() < 0.22
    rise = rng.uniform(0.3, 0.8) * long if sits else rng.normal(0, 0.08)
    front, rear = np.array([0, high + rise, long / 2]), np.array([0, high if not sits else thick, -long / 2])
    if sits:
        front[2] = rng.uniform(0, 0.3) * long
    middle = (front + rear) / 2 + xyz(rng.normal(0, 0.04), rng.normal(0, 0.07), 0)
    radii = thick * rng.uniform(0.7, 1.25, 3)
    parts = [tube([rear, middle, front], radii, SKIN, flat=rng.uniform(0.7, 1.1), sides=18)]
    neck = rng.uniform(0.05, 0.7) if rng.random() < 0.7 else rng.uniform(0.5, 1.2)
    way = np.array([rng.normal(0, 0.25), rng.uniform(0.1, 1.2), rng.uniform(0.2, 1.0)])
    top = front + way / np.linalg.norm(way) * (neck + radii[2] * 0.8)
    size = rng.uniform(0.12, 0.36)
    parts.append(
        tube(
            [front, (front + top) / 2 + xyz(0, rng.normal(0, 0.05), 0), top],
            [radii[2] * 0.8, rng.uniform(0.5, 1) * size, size * 0.8],
            SKIN,
        )
    )
    parts += head(rng, top, size, turn=turn_xyz(rng.normal(5, 18), rng.normal(0, 28), rng.normal(0, 8)))
    leg = rng.uniform(0.05, 0.16)
    for z, x in ((front, 1), (front, -1), (rear, 1), (rear, -1)):
        at = z + xyz(x * thick * rng.uniform(0.5, 0.8), -0.3 * thick, 0)
        step = rng.normal(0, 0.15) if rng.random() < 0.5 else 0.0
        down = -(at[1] - leg * 0.5) / 2
        knee = rng.normal(0, 0.12) * (1 if z is front else -1)
        if sits and z is rear:
            ways = [np.array([x * 0.1, 0.05, 0.3 * long]), np.array([0, down * 1.6, 0.12])]
        else:
            ways = [np.array([0, down, step + knee]), np.array([0, down, step - knee])]
        parts += limb(rng, at, ways, leg * rng.uniform(0.85, 1.15), SKIN, end=rng.choice([SKIN, DARK]))[0]
    if rng.random() < 0.85:
        parts.append(
            tail(
                rng, rear + xyz(0, thick * 0.4, -thick * 0.5), rng.uniform(0.15, 1.1), rng.uniform(0.03, 0.2)
            )
        )
    if rng.random() < 0.15:
        parts += wings(rng, front + xyz(0.5 * thick, 0.4 * thick, -0.2 * long), long)
    if rng.random() < 0.2:
        for k in np.linspace(0, 1, int(rng.integers(4, 9))):
            at = rear * (1 - k) + top * k + xyz(0, radii[1] * 0.95, 0)
            parts.append(
                plate(oval(rng, 0.12, rng.uniform(0.1, 0.25), 0.1), 0.06, TRIM, at=at, turn=turn_xyz(0, 90))
            )
    if rng.random() < 0.2:
        parts.append(
            block(
                (thick * 1.15, thick * 0.7, long * 0.28),
                DRESS,
                at=middle + xyz(0, 0.35 * thick, 0),
                square=rng.uniform(0.4, 1),
            )
        )
    return parts


def bird(rng: Rng) -> list[Part]:
    """Standing or flying."""
    fat, long, up = rng.uniform(0.2, 0.5), rng.uniform(0.35, 0.8), np.radians(rng.uniform(0, 85))
    way = np.array([0, np.sin(up), np.cos(up)])
    breast, rump = way * long / 2, -way * long / 2
    parts = [
        tube(
            [rump, xyz(0, 0, 0), breast],
            [fat * rng.uniform(0.4, 0.8), fat, fat * rng.uniform(0.5, 0.9)],
            SKIN,
            flat=rng.uniform(0.8, 1.2),
            sides=18,
        )
    ]
    size = rng.uniform(0.14, 0.34)
    top = breast + np.array([0, rng.uniform(0.1, 1) * 0.8, rng.uniform(0, 0.4)]) * (
        0.6 if rng.random() < 0.7 else 1.3
    )
    bow = (breast + top) / 2 + xyz(0, 0, rng.normal(0.05, 0.12))
    parts.append(tube([breast, bow, top], [fat * 0.6, size * rng.uniform(0.4, 0.9), size * 0.7], SKIN))
    parts += head(rng, top, size)
    spread = rng.random() < 0.4
    wing = plate(
        oval(rng, rng.uniform(0.25, 0.5) * (2 if spread else 1), rng.uniform(0.25, 0.6), 0.2),
        0.08,
        DRESS,
        turn=turn_xyz(rng.normal(0, 20), 0, rng.normal(20, 25))
        if spread
        else turn_xyz(rng.normal(-40, 25), 90, 0),
        bend=rng.normal(0, 0.2),
    )
    parts += both(wing.moved((fat * (2 if spread else 0.95), 0.05, -0.05)))
    parts.append(
        plate(
            oval(rng, rng.uniform(0.1, 0.35), rng.uniform(0.2, 0.7), 0.2),
            0.06,
            DRESS,
            at=rump - way * rng.uniform(0.1, 0.35),
            turn=turn_xyz(90 - np.degrees(up) + rng.normal(0, 25)),
            bend=rng.normal(0, 0.3),
        )
    )
    if not spread or rng.random() < 0.5:
        down = rng.uniform(0.15, 0.8)
        for x in (1, -1):
            parts += limb(
                rng,
                np.array([x * fat * 0.4, -0.5 * fat, 0.0]),
                [
                    np.array([0, -down / 2 - 0.3 * fat, rng.normal(0, 0.08)]),
                    np.array([0, -down / 2, rng.normal(0, 0.08)]),
                ],
                rng.uniform(0.03, 0.08),
                TRIM,
                end=None,
            )[0]
            parts.append(block((0.09, 0.03, 0.16), TRIM, at=(x * fat * 0.4, -0.8 * fat - down, 0.06)))
    return parts


def fish(rng: Rng) -> list[Part]:
    """A fish, shark, dolphin or whale that swims, bends or leaps."""
    high, flat = rng.uniform(0.15, 0.5), rng.uniform(0.3, 1.0)
    z = np.array([1.0, 0.7, 0.2, -0.4, -0.8, -1.0]) * rng.uniform(0.6, 1.1)
    swing, leap = rng.normal(0, 0.2), rng.normal(0, 0.25)
    line = np.stack([swing * np.sin(2 * z), leap * z * z, z], 1)
    girth = high * np.array([rng.uniform(0.2, 0.8), rng.uniform(0.7, 1), 1, rng.uniform(0.5, 0.9), 0.3, 0.2])
    parts = [tube(line, girth, SKIN, flat=flat, sides=20)]
    upright = turn_xyz(0, 90, 0)
    end = line[-1] - xyz(0, 0, 0.2)
    lobe = np.array(
        [(0.3, 0.1), (0.1, 0.5), (-0.35, 0.7), (-0.15, 0.0), (-0.35, -0.7), (0.1, -0.5), (0.3, -0.1)]
    )
    level = rng.random() < 0.3
    parts.append(
        plate(
            lobe * rng.uniform(0.3, 0.8) * [-1, 1],
            0.06,
            TRIM,
            at=end,
            turn=upright @ turn_xyz(90, 0, 0) if level else upright,
            bend=rng.normal(0, 0.2),
        )
    )
    for above in (1, -1):
        for _ in range(int(rng.integers(0, 3))):
            k = rng.uniform(-0.7, 0.5)
            size = rng.uniform(0.1, 0.35)
            at = np.array([swing * np.sin(2 * k), leap * k * k + above * high * 0.95, k])
            parts.append(
                plate(oval(rng, size * rng.uniform(0.6, 2), size, 0.3), 0.05, TRIM, at=at, turn=upright)
            )
    fin = plate(
        oval(rng, rng.uniform(0.1, 0.25), rng.uniform(0.15, 0.4), 0.2),
        0.05,
        TRIM,
        at=(high * flat * 1.1, -0.3 * high, 0.3),
        turn=turn_xyz(rng.normal(-20, 20), rng.normal(40, 20), rng.normal(50, 25)),
    )
    parts += both(fin)
    eye = rng.uniform(0.03, 0.1)
    parts += both(block((eye,) * 3, EYE, at=(0.8 * high * flat * 0.85, 0.2 * high, z[1])))
    return parts


def insect(rng: Rng) -> list[Part]:
    """Many legs: beetles, spiders, crabs, scorpions, and tortoises."""
    count, long, fat = int(rng.integers(2, 5)), rng.uniform(0.4, 1.0), rng.uniform(0.14, 0.45)
    z = np.linspace(0.5, -0.5, count + 2) * long
    girth = fat * rng.uniform(0.5, 1.1, count + 2)
    high = rng.uniform(0.05, 0.5)
    parts = []
    if rng.random() < 0.5:
        parts.append(
            tube(
                [(0, high + rng.normal(0, 0.03), k) for k in z],
                girth * rng.uniform(0.5, 1),
                SKIN,
                flat=rng.uniform(1, 1.8),
                sides=18,
            )
        )
    else:
        parts += [
            block((g, g * rng.uniform(0.5, 0.9), long / count * 0.7), SKIN, at=(0, high, k))
            for g, k in zip(girth, z, strict=True)
        ]
    if rng.random() < 0.35:
        parts.append(
            block(
                (fat * 1.5, fat * rng.uniform(0.6, 1.4), long * 0.55), DRESS, at=(0, high + 0.2 * fat, -0.05)
            )
        )
    parts += head(
        rng, np.array([0, high + rng.uniform(0, 0.15), 0.5 * long + fat * 0.4]), fat * rng.uniform(0.3, 0.8)
    )
    thin = rng.uniform(0.02, 0.07)
    wide, knee = rng.uniform(0.15, 0.7), rng.uniform(-0.05, 0.5)
    for k in np.linspace(0.35, -0.35, int(rng.integers(2, 5))) * long:
        at = np.array([fat * 0.8, high, k])
        slant = k * rng.uniform(0.3, 1.2)
        ways = [np.array([wide * 0.6, knee, slant * 0.6]), np.array([wide * 0.6, -knee - high, slant * 0.6])]
        leg, _ = limb(rng, at, ways, thin, rng.choice([SKIN, DARK]), end=None)
        parts += [*leg, *(part.mirrored() for part in leg)]
    if rng.random() < 0.45:
        ways = [
            np.array([rng.uniform(0.1, 0.45), rng.normal(0.05, 0.1), rng.uniform(0.1, 0.4)]),
            np.array([rng.uniform(-0.3, 0.1), rng.normal(0.05, 0.1), rng.uniform(0.1, 0.4)]),
        ]
        claw, tip = limb(rng, np.array([fat * 0.7, high, 0.4 * long]), ways, thin * 1.8, SKIN, end=None)
        for spread in (1, -1):
            claw.append(
                tube(
                    [tip, tip + xyz(spread * 0.1, 0.02, 0.12), tip + xyz(spread * 0.03, 0.02, 0.28)],
                    [0.08, 0.06, 0.015],
                    SKIN,
                )
            )
        parts += [*claw, *(part.mirrored() for part in claw)]
    if rng.random() < 0.4:
        reach = rng.uniform(0.4, 1.1)
        arch = [
            (0, high, -0.5 * long),
            (0, high + 0.5 * reach, -0.5 * long - 0.4 * reach),
            (rng.normal(0, 0.1), high + reach, -0.4 * long),
            (rng.normal(0, 0.15), high + 0.9 * reach, -0.4 * long + rng.uniform(0, 0.6) * reach),
        ]
        parts.append(tube(arch, [fat * 0.4, fat * 0.3, fat * 0.25, 0.02], SKIN))
        parts.append(block((0.07, 0.07, 0.09), DARK, at=arch[-1]))
    if rng.random() < 0.25:
        parts += wings(rng, np.array([fat * 0.4, high + fat * 0.6, 0]), long)
    if rng.random() < 0.3:
        parts += both(
            tube(
                [(0.05, high, 0.5 * long), (0.15, high + 0.3, 0.7 * long), (0.25, high + 0.35, 0.95 * long)],
                [0.02, 0.015, 0.01],
                DARK,
            )
        )
    return parts


def serpent(rng: Rng) -> list[Part]:
    """A snake, worm or dragon in windings."""
    turns, fat = rng.uniform(0.3, 2.2), rng.uniform(0.06, 0.2)
    k = np.linspace(0, 1, 14)
    radius = rng.uniform(0.15, 0.5) * (1 - 0.5 * k * rng.random())
    angle = turns * 2 * np.pi * k + rng.uniform(0, 6.3)
    rise = rng.uniform(0.1, 1.3) * k ** rng.uniform(1, 2.5)
    if rng.random() < 0.5:
        line = np.stack([radius * np.cos(angle), rise, radius * np.sin(angle)], 1)
    else:
        line = np.stack([0.25 * np.sin(angle), rise + 0.12 * np.sin(1.7 * angle), k * 1.4 - 0.7], 1)
    girth = fat * np.minimum(1, 0.15 + 2.5 * k) * rng.uniform(0.85, 1.1, 14)
    parts = [tube(line, girth, SKIN, sides=14)]
    way = line[-1] - line[-2]
    parts += head(
        rng,
        line[-1] + way * 0.3,
        fat * rng.uniform(1, 1.7),
        turn=turn_xyz(rng.normal(0, 15), float(np.degrees(np.arctan2(way[0], way[2]))) * 0.6, 0),
    )
    if rng.random() < 0.4:
        parts += wings(rng, line[8], rng.uniform(0.5, 1.1))
    if rng.random() < 0.4:
        for n in range(2, 12):
            parts.append(
                plate(
                    oval(rng, 0.06, rng.uniform(0.06, 0.14), 0.1),
                    0.04,
                    TRIM,
                    at=line[n] + xyz(0, girth[n], 0),
                    turn=turn_xyz(0, 90 - float(np.degrees(angle[n]))),
                )
            )
    if rng.random() < 0.4:
        for n in (5, 10):
            for x in (1, -1):
                parts += limb(
                    rng,
                    line[n],
                    [np.array([x * fat * 1.5, -0.05, 0.03]), np.array([x * 0.05, -0.2, 0.05])],
                    fat * 0.5,
                    SKIN,
                )[0]
    return parts
