"""A bust of a bearded thinker in one ivory colour on a dark plinth: form without colour."""

from __future__ import annotations

import numpy as np
from build import Part
from shapes import Shape, ball, box, egg, lathe, oval, paint, ring, rod, tube, union

IVORY, STONE, GOLD = "ece4d3", "3c3f46", "cfa14a"

Y = 55.0


def bust() -> list[Part]:
    return [*_plinth(), Part("bust", _bust(), IVORY, "satin", 0.3), *_details()]


def _plinth() -> list[Part]:
    column = lathe(
        [
            (15.5, 0.4),
            (15.5, 2.4),
            (14.2, 3.4),
            (13.4, 4.4),
            (9.4, 6.6),
            (8.0, 9.4),
            (8.6, 12.2),
            (10.6, 13.6),
            (10.6, 15.0),
            (0, 15.0),
        ],
        0.4,
    )
    plaque = box(10.5, 3.0, 1.6, 0.5).turn(x=-40).at(0, 5.4, 12.4)
    return [
        Part("plinth", column, STONE, "satin", 0.35),
        Part("plaque", plaque, GOLD, "metal", 0.2),
        Part("plinth ring", ring(10.6, 0.7).at(0, 14.4, 0), GOLD, "metal", 0.25),
    ]


def _bust() -> Shape:
    chest = (
        egg(21.5, 15.0, 11.5).at(0, 27.0, -0.5).melt(egg(8.5, 5.0, 8.0).at(16.0, 31.0, -0.5).both_sides(), 6)
    )
    foot = lathe([(7.5, 14.8), (8.2, 17.0), (12.0, 24.0), (0, 30)], 0.5)
    trim = egg(27.0, 26.0, 30).at(0, 42.5, 0)
    trunk = (chest & trim).melt(foot, 4)
    neck = rod((0, 36, -1.5), (0, 47, 0.5), 7.8, 7.2)
    return trunk.melt(neck, 4).melt(_skull(), 3).melt(_toga(), 0.6)


def _skull() -> Shape:
    head = egg(11.4, 13.4, 12.6).at(0, Y + 3.0, 0).melt(egg(8.6, 8.5, 8.5).at(0, Y - 5.0, 3.6), 5)
    brow = tube(
        [
            (-8.6, Y + 2.6, 8.6),
            (-4.6, Y + 4.2, 11.5),
            (0, Y + 3.0, 12.4),
            (4.6, Y + 4.2, 11.5),
            (8.6, Y + 2.6, 8.6),
        ],
        [0.9, 1.5, 1.2, 1.5, 0.9],
    )
    sockets = egg(3.3, 2.2, 2.6).at(4.5, Y + 1.0, 12.6).both_sides()
    nose = tube([(0, Y + 2.6, 12.2), (0, Y - 0.6, 14.2), (0, Y - 3.4, 15.6)], [1.3, 1.5, 1.9]).melt(
        ball(1.35).at(1.7, Y - 3.7, 13.9).both_sides(), 1.0
    )
    cheeks = egg(3.6, 3.0, 3.0).at(5.8, Y - 2.6, 9.4).both_sides()
    ears = egg(1.6, 3.6, 2.6).turn(y=-20).at(11.6, Y - 0.2, -0.6) - egg(1.4, 2.2, 1.4).at(13.0, Y + 0.2, 0.4)
    shaped = head.melt(brow, 1.6).carve(sockets, 1.6).melt(nose, 1.3).melt(cheeks, 3)
    eyes = egg(2.5, 2.1, 2.1).at(4.4, Y + 0.8, 10.0).both_sides()
    lids = tube(
        [(2.0, Y + 0.9, 11.3), (4.3, Y + 2.3, 12.1), (7.0, Y + 0.7, 10.7)], [0.4, 0.65, 0.4]
    ).both_sides()
    below = tube(
        [(2.2, Y + 0.3, 11.3), (4.4, Y - 1.1, 11.6), (6.9, Y + 0.3, 10.6)], [0.35, 0.5, 0.35]
    ).both_sides()
    return shaped.melt(eyes, 0.3).melt(lids | below, 0.35).melt(ears.both_sides(), 0.8)


def _toga() -> Shape:
    folds = []
    for k in range(6):
        s = k / 5
        folds.append(
            tube(
                [
                    (17.5 - 5.5 * s, 35.0 + 1.2 * s, -4.0),
                    (13.5 - 6.0 * s, 33.5 - 1.0 * s, 7.6),
                    (1.0 - 6.5 * s, 25.0 + 4.0 * s, 11.4 - 0.5 * s),
                    (-12.5 - 1.5 * s, 19.5 + 6.5 * s, 7.6),
                ],
                [1.3, 1.6, 1.5, 1.0],
            )
        )
    back = [
        tube(
            [(15.0 - 4 * s, 36.0, -3.0), (8.0 - 8 * s, 33 - 4 * s, -10.4), (-8.0 - 5 * s, 25.0, -10.2)],
            [1.3, 1.4, 1.0],
        )
        for s in (0.0, 0.4, 0.8)
    ]
    return union(*folds, *back)


def _details() -> list[Part]:
    rng = np.random.default_rng(11)
    locks: list[Shape] = []
    for x in np.linspace(-8.4, 8.4, 9):
        y = Y - 7.2 + 0.07 * x * x
        length = 9.5 - 0.085 * x * x
        z = 11.8 - 0.075 * x * x
        sway = float(rng.uniform(-1.1, 1.1))
        locks.append(
            tube(
                [
                    (x, y + 1.2, z - 0.8),
                    (x * 0.98 + sway, y - length * 0.4, z + 0.9),
                    (x * 0.8 - sway, y - length * 0.8, z - 0.4),
                    (x * 0.66 + sway, y - length * 1.1, z - 1.0),
                ],
                [1.7, 2.0, 1.5, 0.4],
            )
        )
    for x in np.linspace(-5.6, 5.6, 6):
        locks.append(
            tube(
                [
                    (x, Y - 9.4, 12.0 - 0.06 * x * x),
                    (x * 0.9 + 0.8, Y - 13.5, 13.2 - 0.06 * x * x),
                    (x * 0.7 - 0.6, Y - 17.8, 11.6),
                ],
                [1.5, 1.8, 0.4],
            )
        )
    beard = union(*locks)
    moustache = tube(
        [(0.5, Y - 5.9, 14.0), (3.4, Y - 6.6, 13.4), (6.2, Y - 8.6, 11.4), (7.6, Y - 8.2, 9.8)],
        [1.15, 1.35, 1.0, 0.35],
    ).both_sides()
    lip = egg(2.4, 0.8, 1.2).at(0, Y - 8.4, 13.0)
    curls: list[Shape] = []
    golden = np.pi * (3 - np.sqrt(5))
    for k in range(120):
        h = 1 - 2 * (k + 0.5) / 120
        a = golden * k
        r = np.sqrt(1 - h * h)
        x, y, z = 12.0 * r * np.cos(a), Y + 3.6 + 13.8 * h, -0.4 + 13.0 * r * np.sin(a)
        in_face = z > 3.2 - 0.02 * (y - Y) and y < Y + 11.2 - 0.03 * x * x
        at_neck = y < Y - 7
        at_ear = abs(x) > 9.5 and abs(y - Y) < 4.6 and z > -4
        if not (in_face or at_neck or at_ear):
            turn = float(rng.uniform(0, 360))
            size = float(rng.uniform(0.85, 1.15))
            n = np.array([x, y - Y - 3.6, z])
            yaw, pitch = np.degrees(np.arctan2(n[0], n[2])), -np.degrees(np.arcsin(n[1] / np.linalg.norm(n)))
            curl = ring(1.35, 1.0).turn(x=90).melt(ball(0.9).at(0.4, 0.2, 0.5), 0.4)
            curls.append(
                curl.stretch(size, size, size)
                .turn(z=turn)
                .turn(x=float(pitch), y=float(yaw))
                .at(float(x), float(y), float(z))
            )
    sideburns = tube(
        [(10.2, Y - 3.5, 4.0), (10.0, Y - 7.5, 6.0), (8.8, Y - 11, 8.0)], [1.6, 1.9, 1.2]
    ).both_sides()
    skull = _skull()
    return [
        Part("beard", beard.melt(sideburns, 0.5), IVORY, "satin", 0.22),
        Part("moustache", moustache.melt(lip, 0.3), IVORY, "satin", 0.2),
        Part("curls", union(*curls), IVORY, "satin", 0.24),
        Part(
            "irises",
            paint(skull, oval(4.3, Y + 0.8, 0.95, 0.95) | oval(-4.3, Y + 0.8, 0.95, 0.95), 0.12),
            "d9cfb9",
            "satin",
            0.12,
        ),
    ]
