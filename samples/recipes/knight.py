"""A chibi knight: raised sword, heater shield held before the body, cape, round base."""

from __future__ import annotations

import numpy as np
from build import Part
from faces import blush, brows, painted_eyes, smile
from shapes import (
    Array,
    Shape,
    ball,
    box,
    disc,
    egg,
    half,
    lathe,
    plate,
    ring,
    rod,
    smooth_outline,
    tube,
    union,
)

STEEL, GOLD, BLUE, RED = "aeb6c2", "d9a441", "2f5fb3", "b8282f"
SKIN, HAIR, LEATHER, DARK = "f6cfb2", "8a4b25", "6b4226", "3a3f4a"

HEAD_Y = 47.5


def knight() -> list[Part]:
    return [*_base(), *_legs(), *_trunk(), *_head(), *_shield_arm(), *_sword_arm(), _cape()]


def _base() -> list[Part]:
    foot = lathe([(20.5, 0.4), (20.5, 2.2), (19.6, 3.2), (19.0, 3.4), (0, 3.4)])
    rim = ring(20.0, 0.55).at(0, 2.9, 0)
    rng = np.random.default_rng(3)
    stones = []
    for r, count in ((4.5, 5), (10.5, 11), (16.2, 17)):
        for k in range(count):
            a = 2 * np.pi * (k + 0.3 * (r > 5)) / count
            size = 2 * np.pi * r / count - 0.7
            lift = float(rng.uniform(-0.25, 0.2))
            stones.append(
                box(size, 2.4, 5.0, 0.7)
                .turn(y=float(np.degrees(a)))
                .at(r * np.sin(a), 3.4 + lift, r * np.cos(a))
            )
    return [
        Part("base", foot, "2c3038", "satin", 0.3),
        Part("base rim", rim, GOLD, "metal", 0.2),
        Part("paving", union(*stones), "8f9299", "matte", 0.3),
    ]


def _legs() -> list[Part]:
    boot = egg(4.3, 3.6, 6.0).at(6.2, 6.0, 2.0).melt(
        rod((6.0, 8, 0.2), (5.8, 12, -0.3), 3.7, 3.9), 2.0
    ) & half(y=-1, offset=-4.0)
    toe = egg(3.4, 2.9, 3.0).at(6.3, 6.2, 5.6)
    cuff = ring(3.6, 0.9).at(5.8, 13.0, -0.3)
    knee = egg(2.9, 2.9, 1.8).at(5.7, 14.8, 2.6)
    thigh = rod((5.8, 11, -0.3), (4.4, 21, 0), 3.5, 4.3)
    return [
        Part("boots", boot.both_sides(), STEEL, "metal"),
        Part("toe caps", toe.both_sides(), "c9cfd8", "metal"),
        Part("boot cuffs", cuff.both_sides(), GOLD, "metal"),
        Part("knees", knee.both_sides(), STEEL, "metal"),
        Part("legs", thigh.both_sides(), DARK, "matte"),
    ]


def _trunk() -> list[Part]:
    chest = egg(9.4, 9.6, 7.6).at(0, 29.5, 0).melt(egg(8.0, 6.0, 6.8).at(0, 23, 0), 4)
    plates = chest & half(y=-1, offset=-25.0)
    plates = plates.grow(0.5)
    ridge = (chest.grow(1.1) & box(1.5, 30, 20, 0.5).at(0, 30, 10)) & half(y=-1, offset=-26.0)
    skirt = lathe([(7.0, 25.0), (9.0, 21.5), (11.0, 16.6), (9.6, 16.6), (6.0, 24)], 0.5)
    pleats = Shape(lambda p: skirt(p) - 0.35 * np.cos(np.arctan2(p[:, 0], p[:, 2]) * 12))
    tabard = plate(
        smooth_outline([(-3.6, 9.5), (3.6, 9.5), (3.4, 0), (4.6, -9.0), (0, -11.2), (-4.6, -9.0), (-3.4, 0)]),
        1.5,
        0.5,
    )
    belt = ring(8.0, 1.0).stretch(1, 1.3, 0.92).at(0, 24.4, 0)
    buckle = box(4.4, 3.8, 1.8, 0.8).at(0, 24.4, 8.0) - box(2.2, 1.7, 4, 0.4).at(0, 24.4, 9.0)
    gorget = ring(5.6, 1.5).at(0, 37.0, 0)
    return [
        Part("belly", chest & half(y=1, offset=26.0), DARK, "matte"),
        Part("breastplate", plates, STEEL, "metal"),
        Part("ridge", ridge, "c9cfd8", "metal"),
        Part("skirt", pleats, BLUE, "satin"),
        Part("tabard", tabard.turn(x=-16).at(0, 18.0, 11.9), RED, "satin"),
        Part(
            "tabard cross",
            union(box(1.3, 7.5, 2.4, 0.3), box(4.4, 1.3, 2.4, 0.3).at(0, 1.2, 0))
            .at(0, -2.6, 0)
            .turn(x=-16)
            .at(0, 18.0, 11.9),
            GOLD,
            "satin",
            0.12,
        ),
        Part("belt", belt, LEATHER, "satin"),
        Part("buckle", buckle, GOLD, "metal"),
        Part("gorget", gorget, GOLD, "metal"),
    ]


def _head() -> list[Part]:
    skull = egg(13.2, 12.2, 12.0).at(0, HEAD_Y, 0)
    face = skull.melt(egg(8.5, 5.5, 7).at(0, HEAD_Y - 6.5, 3.4), 4)
    shell = egg(14.6, 13.8, 13.6).at(0, HEAD_Y + 0.8, -0.4)
    opening = plate(
        smooth_outline(
            [(-9.6, -14), (-10.4, -5), (-10.0, 2.5), (0, 5.2), (10.0, 2.5), (10.4, -5), (9.6, -14)]
        ),
        40,
        0.5,
    ).at(0, HEAD_Y, 18)
    helmet = shell.carve(opening, 0.8).carve(egg(13.0, 12.0, 11.9).at(0, HEAD_Y - 0.5, 0), 0.4)
    helmet = helmet & half(y=-1, offset=-(HEAD_Y - 10.5))
    trim = (shell.grow(0.45) & Shape(lambda p: np.abs(opening(p) - 0.6) - 0.75)) & half(z=-1, offset=-1.0)
    trim = (trim - shell.grow(-1.0)) & half(y=-1, offset=-(HEAD_Y - 10.3))
    visor_full = egg(15.5, 14.4, 14.6).at(0, HEAD_Y + 0.9, 0)
    band = plate(
        smooth_outline(
            [(-17, 4.8), (-9, 7.0), (0, 8.2), (9, 7.0), (17, 4.8), (15, 10.6), (0, 14.2), (-15, 10.6)]
        ),
        40,
        0.5,
    ).at(0, HEAD_Y, 17.5)
    visor = visor_full & band
    slots = union(
        *(
            box(3.4, 0.9, 6, 0.3).at(x, HEAD_Y + 10.2 - abs(x) * 0.06, 13.0 - abs(x) * 0.25)
            for x in (-6.6, -2.3, 2.3, 6.6)
        )
    )
    bolt = disc(2.6, 3.0, 0.7).turn(z=90).at(14.8, HEAD_Y + 4.0, 1.5)
    crest = (shell.grow(1.0) & box(1.9, 40, 40, 0.6).at(0, HEAD_Y + 14, 0)) & half(y=-1, offset=-(HEAD_Y + 4))
    plume = tube(
        [
            (0, HEAD_Y + 13.5, -1),
            (0, HEAD_Y + 18.5, -3),
            (0, HEAD_Y + 19.0, -9.5),
            (0, HEAD_Y + 13.0, -16),
            (0.8, HEAD_Y + 4, -19.5),
            (0.2, HEAD_Y - 3.5, -17.5),
        ],
        [1.0, 3.4, 4.3, 4.2, 3.2, 0.5],
    )
    plume = _feathered(plume)
    holder = lathe([(2.6, -1.5), (2.6, 0.4), (1.7, 1.2), (1.5, 2.6)], 0.3).at(0, HEAD_Y + 14.2, -1)
    fringe_centres = [(-7.2, 4.4, 1.9), (-3.4, 4.6, 2.3), (0.8, 4.9, 2.3), (4.6, 4.6, 2.0), (8.0, 4.0, 1.6)]
    locks = union(
        *(
            tube(
                [
                    (x * 0.9, HEAD_Y + 7.0, 8.2),
                    (x * 1.05, HEAD_Y + y, 10.7 - abs(x) * 0.26),
                    (x * 1.1 + 1.4, HEAD_Y + y - 4.4, 11.4 - abs(x) * 0.36),
                ],
                [1.8, r * 0.92, 0.35],
            )
            for x, y, r in fringe_centres
        )
    )
    sides = tube(
        [(9.6, HEAD_Y + 4, 6.6), (10.6, HEAD_Y - 2, 6.8), (9.8, HEAD_Y - 7.2, 6.2)], [1.8, 1.7, 0.4]
    ).both_sides()
    return [
        Part("face", face, SKIN, "satin"),
        *painted_eyes(face, 4.7, HEAD_Y - 2.2, 3.1, "2d5fa8", "69b4e8", "3b2116"),
        brows(face, 4.9, HEAD_Y + 2.6, 2.2, "6b3618", -0.15),
        smile(face, HEAD_Y - 7.3, 1.7),
        blush(face, 7.4, HEAD_Y - 6.0, 1.5, "f0a995"),
        Part("nose", ball(0.75).at(0, HEAD_Y - 4.6, 12.0), SKIN, "satin", 0.15),
        Part("hair", locks | sides, HAIR, "satin", 0.22),
        Part("helmet", helmet, STEEL, "metal"),
        Part("helmet trim", trim, GOLD, "metal"),
        Part("visor", visor - slots, "c3cad4", "metal"),
        Part("visor dark", visor_full.grow(-0.9) & slots.grow(0.3), "22252b", "matte"),
        Part("bolts", bolt.both_sides(), GOLD, "metal"),
        Part("crest", crest, GOLD, "metal"),
        Part("plume holder", holder, GOLD, "metal"),
        Part("plume", plume, RED, "matte"),
    ]


def _feathered(plume: Shape) -> Shape:
    def distance(p: Array) -> Array:
        barbs = np.sin(np.arctan2(p[:, 1] - HEAD_Y - 4, -p[:, 2] - 4) * 26 + np.abs(p[:, 0]) * 1.1)
        return plume(p) + 0.28 * barbs

    return Shape(distance)


def _shield_arm() -> list[Part]:
    outline = smooth_outline(
        [(-8.4, 9.2), (0, 10.4), (8.4, 9.2), (8.6, 1), (6.2, -6.2), (0, -12.2), (-6.2, -6.2), (-8.6, 1)], 4
    )
    bend = 16.0

    def bowed(flat: Shape) -> Shape:
        return Shape(
            lambda p: (
                flat(
                    p
                    + np.stack(
                        [p[:, 0] * 0, p[:, 1] * 0, bend - np.sqrt(np.maximum(bend**2 - p[:, 0] ** 2, 1))], 1
                    )
                    * np.float32(1.0)
                )
                * 0.85
            )
        )

    field = bowed(plate(outline, 1.8, 0.5))
    inner = [(x * 0.84, y * 0.84 - 0.1) for x, y in outline]
    rim = bowed(plate(outline, 2.8, 0.7) - plate(inner, 9, 0.2))
    cross = bowed(
        union(box(2.2, 15, 3.2, 0.4).at(0, -0.6, 0), box(11.5, 2.2, 3.2, 0.4).at(0, 2.0, 0))
        & plate(inner, 9, 0.2)
    )
    boss = ball(2.3).stretch(1, 1, 0.7).at(0, 2.0, 1.1)

    def place(s: Shape) -> Shape:
        return s.turn(x=-4, y=24, z=-5).at(12.6, 24.5, 12.2)

    upper = rod((10.4, 33.5, 0.5), (14.5, 27.5, 2.0), 3.0, 2.7)
    lower = rod((14.5, 27.5, 2.0), (13.0, 25.0, 9.0), 2.8, 2.6)
    glove = ball(3.3).at(12.8, 24.8, 9.6)
    pauldron = _pauldron(1)
    return [
        Part("left sleeve", upper, BLUE, "satin"),
        Part("left bracer", lower, STEEL, "metal"),
        Part("left glove", glove, LEATHER, "satin"),
        *pauldron,
        Part("shield field", place(field), BLUE, "satin", 0.2),
        Part("shield rim", place(rim), GOLD, "metal", 0.2),
        Part("shield cross", place(cross), "f3f1ea", "satin", 0.16),
        Part("shield boss", place(boss), GOLD, "metal"),
    ]


def _pauldron(side: int) -> list[Part]:
    cap = (egg(5.2, 4.8, 5.4) - egg(4.2, 3.8, 4.4).at(0, -0.8, 0)) & half(y=-1, offset=0.6)
    edge = ring(5.0, 0.55).at(0, -0.5, 0)
    stud = ball(0.9).at(0, 4.7, 0)

    def place(s: Shape) -> Shape:
        return s.turn(z=-28 * side).at(10.6 * side, 33.9, 0.2)

    name = "left" if side > 0 else "right"
    return [
        Part(f"{name} pauldron", place(cap | ball(3.0).at(0, 1, 0)), STEEL, "metal"),
        Part(f"{name} pauldron edge", place(edge), GOLD, "metal"),
        Part(f"{name} pauldron stud", place(stud), GOLD, "metal", 0.12),
    ]


def _sword_arm() -> list[Part]:
    hand = (-20.6, 31.5, 5.5)
    upper = rod((-10.4, 33.5, 0.5), (-17.0, 27.6, 1.5), 3.0, 2.7)
    lower = rod((-17.0, 27.6, 1.5), hand, 2.8, 2.6)
    cuff = ring(2.7, 0.8).turn(x=42, z=34).at(-19.2, 30.0, 4.0)
    blade = plate([(-2.2, 4.6), (2.2, 4.6), (2.0, 30.5), (0, 36.0), (-2.0, 30.5)], 1.5, 0.3)
    blade = blade & (
        half(x=0.22, z=1, offset=0.62)
        & half(x=-0.22, z=1, offset=0.62)
        & half(x=0.22, z=-1, offset=0.62)
        & half(x=-0.22, z=-1, offset=0.62)
    )
    fuller = box(0.7, 20, 4, 0.2).at(0, 15, 0)
    guard = tube(
        [(-6.2, 5.0, 0), (-3.0, 3.8, 0), (0, 3.5, 0), (3.0, 3.8, 0), (6.2, 5.0, 0)],
        [1.25, 0.9, 1.2, 0.9, 1.25],
    )
    grip = disc(1.15, 10, 0.3)
    pommel = ball(1.9).at(0, -5.6, 0)

    def place(s: Shape) -> Shape:
        return s.turn(x=6, z=13).at(*hand)

    fingers = union(*(rod((-2.2, y, 1.4), (1.6, y, 2.2), 1.15) for y in (-2.4, -0.4, 1.6)))
    return [
        Part("right sleeve", upper, BLUE, "satin"),
        Part("right bracer", lower, STEEL, "metal"),
        Part("right cuff", cuff, GOLD, "metal"),
        Part("right glove", place(ball(2.9).melt(fingers, 0.5)), LEATHER, "satin", 0.2),
        *_pauldron(-1),
        Part("blade", place(blade - (fuller - box(9, 99, 0.7, 0.1))), "dfe4ea", "metal", 0.11),
        Part("guard", place(guard), GOLD, "metal", 0.18),
        Part("grip", place(grip), LEATHER, "satin", 0.18),
        Part("pommel", place(pommel), GOLD, "metal"),
    ]


def _cape() -> Part:
    top, bottom = 36.0, 5.2

    def distance(p: Array) -> Array:
        x, y, z = p.T
        s = np.clip((top - y) / (top - bottom), 0, 1)
        angle = np.arctan2(x, -z)
        radius = 8.2 + 8.6 * s**1.25 + 0.9 * s * np.cos(angle * 9)
        sheet = np.abs(np.hypot(x, z + 0.0) - radius) * 0.8 - (0.75 + 0.1 * s)
        width = (np.abs(angle) - (1.02 - 0.02 * s)) * np.maximum(radius, 4)
        hem = bottom + 1.1 * np.cos(angle * 9) - y
        return np.maximum.reduce([sheet, width * 0.9, y - top, hem]).astype(np.float32) - 0.25

    return Part("cape", Shape(distance), RED, "matte")
