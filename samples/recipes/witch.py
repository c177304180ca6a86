"""A little witch: a bent hat with a wide brim, long hair, a broom that stands beside her, a cat at her feet; the tall one."""

from __future__ import annotations

import numpy as np
from build import Part
from faces import blush, brows, painted_eyes, smile
from shapes import (
    Array,
    Shape,
    ball,
    box,
    cog,
    egg,
    half,
    lathe,
    oval,
    paint,
    ring,
    rod,
    stencil,
    tube,
    union,
)

VIOLET, NIGHT, ORANGE, CREAM = "6b4aa0", "3b2c5e", "ef8b2c", "f4ead9"
SKIN, HAIR, WOOD, STRAW = "f8d3b8", "e0763a", "8a5a34", "e0b65c"
BLACK, GREEN = "2b2730", "5fb36a"

HEAD_Y = 50.0


def witch() -> list[Part]:
    return [*_base(), *_dress(), *_head(), *_hat(), *_arms(), *_broom(), *_cat()]


def _base() -> list[Part]:
    foot = lathe([(21.5, 0.4), (21.5, 1.8), (20.5, 3.0), (0, 3.0)], 0.4)
    grass = lathe([(20.0, 3.0), (18.5, 3.8), (0, 4.4)], 0.4).bumpy(0.35, 6.0, 2)
    return [Part("base", foot, NIGHT, "satin"), Part("grass", grass, GREEN, "matte")]


def _dress() -> list[Part]:
    skirt = lathe(
        [(3.0, 33.5), (5.6, 31.0), (9.5, 24.0), (13.6, 13.6), (14.4, 11.8), (12.5, 11.4), (0, 14)], 0.5
    )
    pleated = Shape(
        lambda p: (
            skirt(p) - 0.55 * np.cos(np.arctan2(p[:, 0], p[:, 2]) * 14) * np.clip((30 - p[:, 1]) / 18, 0, 1)
        )
    )
    hem = pleated.grow(0.4) & Shape(lambda p: np.abs(p[:, 1] - 13.9) - 1.2)
    apron = paint(pleated, stencil([(-5.2, 30), (5.2, 30), (6.6, 19), (0, 16.8), (-6.6, 19)]), 0.55, 1.4)
    bodice = egg(6.6, 8.0, 5.6).at(0, 34.5, 0)
    sash = ring(6.0, 1.25).at(0, 31.0, 0)
    bow = union(
        egg(3.2, 2.4, 1.6).turn(z=20).at(3.2, 32, -7.2),
        egg(3.2, 2.4, 1.6).turn(z=-20).at(-3.2, 32, -7.2),
        ball(1.6).at(0, 31.6, -7.4),
        tube([(0, 31, -7), (3.0, 26, -10), (4.0, 21, -13.6)], [1.2, 1.3, 0.8]),
        tube([(0, 31, -7), (-3.0, 26, -10), (-4.0, 21, -13.6)], [1.2, 1.3, 0.8]),
    )
    collar = lathe([(7.6, 38.8), (4.0, 42.0), (3.0, 41.5), (6.0, 38.0)], 0.5)
    brooch = egg(1.8, 1.8, 1.2).at(0, 38.9, 7.2)
    leg = rod((4.6, 6, 0.5), (4.6, 14, 0), 2.5, 2.6)
    stripes = union(*(ring(2.35, 0.6).at(4.6, 7.6 + 2.5 * k, 0.3) for k in range(2)))
    boot = egg(3.3, 3.0, 5.0).at(4.9, 6.0, 2.0) | ring(2.7, 0.8).at(4.6, 8.6, 0.3)
    toe = tube([(4.9, 6, 5.0), (5.1, 6.6, 8.0), (5.1, 8.6, 9.2)], [2.2, 1.5, 0.7])
    return [
        Part("skirt", pleated, VIOLET, "satin"),
        Part("hem", hem, ORANGE, "satin", 0.28),
        Part("apron", apron, CREAM, "satin", 0.28),
        Part("bodice", bodice, NIGHT, "satin"),
        Part("sash", sash, ORANGE, "satin"),
        Part("bow", bow, ORANGE, "satin", 0.28),
        Part("collar", collar, CREAM, "satin"),
        Part("brooch", brooch, "d8413a", "gloss", 0.15),
        Part("stockings", leg.both_sides(), CREAM, "satin"),
        Part("stripes", stripes.both_sides(), ORANGE, "satin", 0.2),
        Part("boots", (boot.melt(toe, 1.0)).both_sides(), BLACK, "satin", 0.25),
    ]


def _head() -> list[Part]:
    skull = egg(12.0, 11.2, 11.0).at(0, HEAD_Y, 0)
    face = skull.melt(egg(7.5, 5, 6).at(0, HEAD_Y - 6.2, 3.6), 4)
    cap = egg(13.3, 12.4, 12.6).at(0, HEAD_Y + 0.8, -1.0)
    gap = egg(10.4, 10.5, 14).at(0, HEAD_Y - 3.6, 11.5)
    hair = cap.carve(gap, 1.2)
    fringe = union(
        *(
            tube(
                [
                    (x * 0.6, HEAD_Y + 9.5, 8.0),
                    (x, HEAD_Y + 6.0, 11.2 - abs(x) * 0.22),
                    (x * 1.12 + 0.8, HEAD_Y + 1.9, 11.6 - abs(x) * 0.34),
                ],
                [2.4, 2.1, 0.35],
            )
            for x in (-8.2, -4.9, -1.5, 2.0, 5.4, 8.4)
        )
    )
    side = tube(
        [
            (11.0, HEAD_Y + 3, 4.0),
            (12.4, HEAD_Y - 6, 5.0),
            (11.2, HEAD_Y - 15, 6.4),
            (12.6, HEAD_Y - 22.5, 6.6),
        ],
        [2.6, 2.9, 2.5, 0.5],
    ).both_sides()
    back = union(
        *(
            tube(
                [
                    (x * 0.8, HEAD_Y + 2, -9.5),
                    (x * 1.1, HEAD_Y - 10, -11.0 + abs(x) * 0.2),
                    (x * 1.4, HEAD_Y - 19, -11.6 + abs(x) * 0.3),
                    (x * 1.2, HEAD_Y - 26, -10.0),
                ],
                [3.4, 3.8, 3.0, 0.5],
            )
            for x in (-8.5, -4.3, 0, 4.3, 8.5)
        )
    )
    ribbon = ring(2.9, 0.8).at(11.6, HEAD_Y - 12.5, 6.0).both_sides()
    return [
        Part("face", face, SKIN, "satin"),
        *painted_eyes(face, 4.6, HEAD_Y - 2.6, 3.2, "3f8f55", "9fe07a", "4a2118"),
        brows(face, 4.7, HEAD_Y + 1.7, 2.0, "b85a2a", -0.1),
        smile(face, HEAD_Y - 7.4, 1.9),
        blush(face, 7.2, HEAD_Y - 6.0, 1.5, "f2a493"),
        Part("nose", ball(0.7).at(0, HEAD_Y - 4.9, 11.1), SKIN, "satin", 0.15),
        Part("hair", hair.melt(back, 1.5), HAIR, "satin", 0.4),
        Part("fringe", fringe | side, HAIR, "satin", 0.28),
        Part("hair ribbons", ribbon, VIOLET, "satin", 0.2),
    ]


def _hat() -> list[Part]:
    brim_flat = lathe([(23.5, 0.2), (22.5, 1.0), (8, 1.4), (8, -0.6), (22.5, -0.4)], 0.5)
    brim = Shape(
        lambda p: (
            brim_flat(
                p
                + np.stack(
                    [p[:, 0] * 0, 0.0055 * p[:, 0] ** 2 - 0.004 * p[:, 2] ** 2, p[:, 0] * 0], 1
                ).astype(np.float32)
            )
            * 0.9
        )
    )
    cone = tube(
        [(0, 0, 0), (0, 8, -0.5), (0.6, 17, -2.0), (3.5, 25.5, -4.6), (9.0, 30.0, -5.5), (13.0, 28.5, -4.8)],
        [12.2, 9.8, 6.4, 4.0, 2.3, 0.9],
        8,
    )
    crown = cone & half(y=-1, offset=0.5)
    creases = Shape(
        lambda p: crown(p) - 0.3 * np.sin(p[:, 1] * 0.75 + p[:, 0] * 0.15) * np.clip((p[:, 1] - 10) / 6, 0, 1)
    )
    band = lathe([(12.6, 0.6), (11.6, 4.6), (10.4, 4.6), (11, 0.6)], 0.4)
    buckle = (box(5.4, 5.0, 2.2, 0.7) - box(3.0, 2.6, 9, 0.4)).turn(x=-12).at(0, 2.8, 12.2)

    def place(s: Shape) -> Shape:
        return s.turn(x=-9, z=-5).at(0, HEAD_Y + 6.6, -1.5)

    return [
        Part("brim", place(brim), VIOLET, "satin", 0.35),
        Part("crown", place(creases), VIOLET, "satin", 0.35),
        Part("hat band", place(band), ORANGE, "satin", 0.3),
        Part("hat buckle", place(buckle), "e8c34f", "metal", 0.18),
        Part("hat bell", place(ball(1.7).at(13.4, 26.8, -4.7)), "e8c34f", "metal", 0.18),
    ]


def _arms() -> list[Part]:
    hand_r, hand_l = (-19.0, 29.5, 5.0), (10.5, 28.5, 9.5)
    sleeve_r = rod((-5.5, 38.2, 0), (-15.0, 31.0, 3.2), 2.3, 3.9)
    sleeve_l = tube([(5.5, 38.2, 0), (12.6, 32.0, 2.0), (11.6, 29.0, 6.2)], [2.3, 3.0, 3.8])
    cuff_r, cuff_l = ball(4.1).at(-15.2, 30.8, 3.3), ball(4.0).at(11.5, 29.0, 6.4)
    star = cog(2.0, 5, 1.6, 1.2, 0.2).turn(x=90)
    wand = rod((10.6, 28.6, 9.5), (9.0, 38.5, 13.0), 0.7, 0.55)
    return [
        Part("sleeves", sleeve_r | sleeve_l, VIOLET, "satin"),
        Part("cuffs", cuff_r | cuff_l, CREAM, "satin"),
        Part("hands", ball(2.7).at(*hand_r) | ball(2.5).at(*hand_l), SKIN, "satin", 0.22),
        Part("wand", wand, WOOD, "satin", 0.16),
        Part("star", star.stretch(1.5, 1.5, 1.4).at(8.7, 40.5, 13.7), "f6cf4a", "gloss", 0.16),
    ]


def _broom() -> list[Part]:
    foot, top = (-17.6, 5, 5.6), (-20.6, 60.0, 4.4)
    a, b = np.array(foot), np.array(top)

    def along(t: float) -> tuple[float, float, float]:
        x, y, z = a + (b - a) * t
        return float(x), float(y), float(z)

    brush = tube([along(-0.01), along(0.10), along(0.24), along(0.31)], [4.3, 4.5, 2.7, 1.7])

    def strands(p: Array) -> Array:
        angle = np.arctan2(p[:, 0] - along(0.1)[0], p[:, 2] - along(0.1)[2])
        return brush(p) + 0.32 * np.cos(angle * 11)

    cord = ring(2.9, 0.7).at(*along(0.235)) | ring(2.5, 0.6).at(*along(0.26))
    return [
        Part("broom stick", tube([along(0.2), along(0.6), top], [1.15, 1.2, 1.0]), WOOD, "satin", 0.22),
        Part("broom brush", Shape(strands) & half(y=-1, offset=-3.2), STRAW, "matte", 0.28),
        Part("broom cord", cord, "b8352f", "satin", 0.2),
    ]


def _cat() -> list[Part]:
    x, z = 12.5, 11.0
    body = egg(3.8, 5.0, 4.2).at(x, 8.4, z - 1.0).melt(egg(2.6, 3.0, 2.4).at(x, 6.4, z + 1.6), 1.5)
    head = egg(4.2, 3.6, 3.6).at(x, 15.2, z + 0.8)
    ears = rod((x + 2.5, 17.4, z + 0.4), (x + 3.4, 20.6, z), 1.5, 0.3) | rod(
        (x - 2.5, 17.4, z + 0.4), (x - 3.4, 20.6, z), 1.5, 0.3
    )
    tail = tube(
        [(x, 5.8, z - 4.0), (x + 4.5, 5.6, z - 4.0), (x + 5.8, 9.5, z - 3.0), (x + 4.8, 13, z - 3.4)],
        [1.4, 1.3, 1.2, 0.8],
    )
    eyes = oval(x + 1.6, 15.5, 0.95, 1.15) | oval(x - 1.6, 15.5, 0.95, 1.15)
    slits = oval(x + 1.6, 15.5, 0.3, 0.9) | oval(x - 1.6, 15.5, 0.3, 0.9)
    return [
        Part("cat", body.melt(ears.melt(head, 0.6), 0.8) | tail, BLACK, "satin", 0.2),
        Part("cat eyes", paint(head, eyes, 0.12), "f2d94e", "gloss", 0.1),
        Part("cat slits", paint(head, slits, 0.2), "17151a", "gloss", 0.08),
        Part("cat nose", ball(0.4).at(x, 14.4, z + 4.4), "d98c86", "satin", 0.1),
    ]
