"""A clockwork owl: goggles, a porthole with gears, feathers of copper plate, a winding key, claws on a cog."""

from __future__ import annotations

import numpy as np
from build import Part
from shapes import (
    Shape,
    ball,
    box,
    cog,
    disc,
    egg,
    half,
    lathe,
    oval,
    paint,
    plate,
    ring,
    rod,
    smooth_outline,
    tube,
    union,
)

BRASS, COPPER, TEAL, CREAM = "d0a04c", "b8683c", "2e7f86", "efe0bd"
IRON, AMBER, DARK = "4a4f58", "f3a712", "1c1d22"

BODY = egg(18.5, 23.0, 16.5).at(0, 31, 0).melt(egg(17.0, 13.5, 14.5).at(0, 51, 0.5), 9)


def owl() -> list[Part]:
    return [*_base(), *_body(), *_eyes(), *_porthole(), *_wings(), *_key()]


def _base() -> list[Part]:
    wheel = cog(20.5, 22, 3.0, 4.4, 0.5).at(0, 2.2, 0)
    step = lathe([(16.5, 4.2), (16.5, 5.2), (15.5, 5.9), (0, 5.9)], 0.4)
    groove = ring(18.2, 0.7).at(0, 4.6, 0)
    rivets = ball(0.95).at(0, 6.1, 13.7).around(10, 18)
    toes = union(
        *(
            tube([(7, 8.5, 7), (7 + dx * 0.6, 9.0, 10.5), (7 + dx, 6.6, 13.6)], [2.5, 2.2, 1.6])
            for dx in (-3.6, 0, 3.6)
        )
    )
    claws = union(
        *(
            tube(
                [(7 + dx, 6.9, 13.4), (7 + dx * 1.15, 7.3, 15.2), (7 + dx * 1.2, 5.8, 16.8)], [1.5, 1.1, 0.35]
            )
            for dx in (-3.6, 0, 3.6)
        )
    )
    leg = rod((7, 15, 3), (7, 8.5, 5.5), 3.6, 2.9)
    return [
        Part("cog base", wheel - groove, IRON, "metal"),
        Part("step", step, BRASS, "metal"),
        Part("rivets", rivets, COPPER, "metal", 0.2),
        Part("toes", toes.both_sides(), BRASS, "metal", 0.28),
        Part("claws", claws.both_sides(), DARK, "gloss", 0.18),
        Part("legs", leg.both_sides(), COPPER, "metal"),
        Part("leg rings", ring(3.2, 0.7).at(7, 10.2, 4.8).both_sides(), BRASS, "metal", 0.2),
    ]


def _body() -> list[Part]:
    seam = BODY.grow(0.45) & Shape(lambda p: np.abs(p[:, 1] - 43.2) - 1.1)
    chest = paint(BODY, oval(0, 28, 13.2, 16.5), 0.35, 1.4)
    scales: list[Shape] = []
    for row in range(7):
        y = 41.5 - row * 4.3
        for k in np.arange(-3, 4) + 0.5 * (row % 2):
            x = 4.4 * k
            if (x / 12.4) ** 2 + ((y - 28) / 15.6) ** 2 < 0.92:
                scales.append(oval(x, y, 2.35, 3.0) & half(y=1, offset=y + 1.2))
    scale_field = union(*scales)
    rivets = union(
        *(ball(0.8).at(17.6 * np.sin(a), 43.2, 15.4 * np.cos(a)) for a in np.arange(12) * np.pi / 6)
    )
    tuft = (
        plate(smooth_outline([(-4, 0), (4.2, 1.2), (7.4, 11.5), (0.2, 6.6)]), 2.6, 0.9)
        .turn(y=24, z=-6)
        .at(10.2, 58.0, 3.0)
    )
    tuft2 = (
        plate(smooth_outline([(-2.5, 0.6), (2.6, 1.6), (5.3, 8.4), (0.4, 5.0)]), 3.8, 0.6)
        .turn(y=24, z=-6)
        .at(10.2, 58.0, 3.0)
    )
    tail = union(
        *(
            plate(smooth_outline([(-3, 6), (3, 6), (3.6, -6), (0, -9.5), (-3.6, -6)]), 1.6, 0.5)
            .turn(x=22, z=t)
            .at(t * 0.16, 15.5, -13.8 + abs(t) * 0.03)
            for t in (-26, 0, 26)
        )
    )
    cap = lathe([(9.0, 0), (8.0, 2.2), (4.5, 3.8), (0, 4.4)], 0.4).at(0, 61.6, 0)
    valve = lathe([(1.6, 0), (1.4, 3.0), (2.6, 3.4), (2.6, 4.6), (1.4, 5.4), (0, 5.6)], 0.3).at(0, 65.6, 0)
    return [
        Part("body", BODY, TEAL, "satin"),
        Part("seam", seam, BRASS, "metal"),
        Part("seam rivets", rivets, COPPER, "metal", 0.2),
        Part("chest", chest, CREAM, "satin", 0.3),
        Part("scales", paint(BODY, scale_field, 0.95, 1.8), "e2c690", "satin", 0.22),
        Part("tufts", tuft.both_sides(), COPPER, "metal", 0.3),
        Part("tuft lining", tuft2.both_sides(), BRASS, "metal", 0.25),
        Part("tail", tail, COPPER, "metal", 0.3),
        Part("cap", cap, BRASS, "metal"),
        Part("valve", valve, COPPER, "metal", 0.25),
    ]


def _eyes() -> list[Part]:
    def place(s: Shape) -> Shape:
        return s.turn(x=90).turn(x=-4, y=12).at(7.9, 52.6, 13.3).both_sides()

    rim = lathe([(7.9, -3.0), (8.2, 0.6), (7.6, 1.9), (6.3, 1.9), (6.0, 0.4), (6.0, -3)], 0.3)
    lens = egg(6.4, 3.0, 6.4)
    iris = (egg(6.4, 3.0, 6.4).grow(0.14) & disc(4.7, 30, 0.1)) & half(y=-1)
    pupil = (egg(6.4, 3.0, 6.4).grow(0.3) & disc(2.9, 30, 0.1)) & half(y=-1)
    gleam = (
        egg(6.4, 3.0, 6.4).grow(0.42)
        & (disc(1.05, 30, 0.1).at(1.5, 0, -1.9) | disc(0.5, 30, 0.1).at(-1.5, 0, 1.6))
    ) & half(y=-1)
    screws = ball(0.6).at(0, 1.9, 7.0).around(8)
    lid = (egg(7.4, 4.4, 7.4) - egg(6.6, 3.2, 6.6)) & half(z=1, offset=-3.1) & half(y=-1, offset=0.5)
    bridge = tube([(-3, 55.5, 15.4), (0, 56.2, 16.2), (3, 55.5, 15.4)], [1.2, 1.4, 1.2])
    beak = egg(3.0, 5.2, 4.0).turn(x=24).at(0, 47.0, 16.2) & half(z=-1, offset=-12)
    hook = tube([(0, 45.5, 18.4), (0, 42.8, 19.2), (0, 40.9, 18.2)], [2.1, 1.4, 0.4])
    return [
        Part("goggles", place(rim), BRASS, "metal", 0.25),
        Part("lens", place(lens & half(y=-1, offset=2.0)), "fdf6e0", "gloss", 0.25),
        Part("iris", place(iris), AMBER, "gloss", 0.15),
        Part("pupil", place(pupil), DARK, "gloss", 0.13),
        Part("gleam", place(gleam), "ffffff", "gloss", 0.1),
        Part("screws", place(screws), IRON, "metal", 0.14),
        Part("lids", place(lid), COPPER, "metal", 0.2),
        Part("bridge", bridge, IRON, "metal", 0.2),
        Part("beak", beak.melt(hook, 1.5), "e08a2c", "satin", 0.2),
    ]


def _porthole() -> list[Part]:
    def place(s: Shape) -> Shape:
        return s.turn(x=90).turn(x=3).at(0, 26.5, 16.1)

    rim = lathe([(7.6, -3), (7.6, 0.9), (6.9, 1.8), (5.9, 1.8), (5.6, 0.9), (5.6, -3)], 0.3)
    well = disc(6.0, 3.0, 0.2).at(0, -0.9, 0)
    big = (cog(2.9, 10, 0.9, 1.2, 0.15) - disc(0.9, 9, 0.1)).at(-1.5, 0.9, 0.9)
    small = cog(1.8, 8, 0.8, 1.2, 0.15).at(2.6, 1.2, -2.0)
    return [
        Part("porthole", place(rim), BRASS, "metal", 0.22),
        Part("well", place(well), "2a2f38", "matte"),
        Part("big gear", place(big), BRASS, "metal", 0.12),
        Part("gear hub", place(disc(1.1, 1.6, 0.2).at(-1.5, 0.9, 0.9)), IRON, "metal", 0.12),
        Part("small gear", place(small), COPPER, "metal", 0.12),
        Part("bolts", place(ball(0.6).at(0, 1.7, 6.6).around(6)), IRON, "metal", 0.14),
    ]


def _wings() -> list[Part]:
    layers = []
    for name, colour, count, top, drop, out in (
        ("long feathers", TEAL, 4, 33.0, 17.5, 0.0),
        ("middle feathers", COPPER, 4, 38.0, 12.5, 1.2),
        ("short feathers", BRASS, 3, 43.0, 9.0, 2.4),
    ):
        feathers = []
        for k in range(count):
            z = (k - (count - 1) / 2) * 4.5 - 1.0
            outline = smooth_outline(
                [(-2.4, 3), (2.4, 3), (2.8, -drop * 0.62), (0, -drop), (-2.8, -drop * 0.62)], 4
            )
            lean = 9 - out * 1.5
            feathers.append(
                plate(outline, 1.7, 0.5)
                .turn(y=90)
                .turn(x=(k - (count - 1) / 2) * 5, z=lean)
                .at(18.7 + out * 0.75 - 0.045 * z * z, top, z)
            )
        layers.append(
            Part(name, union(*feathers).both_sides(), colour, "metal" if colour != TEAL else "satin", 0.28)
        )
    shoulder = egg(3.6, 6.6, 7.8).at(16.9, 41.5, -1.0)
    hub = disc(3.0, 2.4, 0.6).turn(z=90).at(20.6, 42.2, -1.0)
    return [
        *layers,
        Part("shoulders", shoulder.both_sides(), TEAL, "satin"),
        Part("hubs", hub.both_sides(), BRASS, "metal", 0.22),
        Part(
            "hub gears",
            cog(4.2, 12, 1.0, 1.3, 0.2).turn(z=90).at(20.1, 42.2, -1.0).both_sides(),
            IRON,
            "metal",
            0.2,
        ),
    ]


def _key() -> list[Part]:
    shaft = rod((0, 36, -14), (0, 36, -24), 1.5)
    collar = disc(3.6, 2.4, 0.6).turn(x=90).at(0, 36, -16.6)
    loops = union(*(ring(4.4, 1.35).turn(x=90).stretch(1, 0.86, 1).at(x, 36, -27.0) for x in (-5.4, 5.4)))
    knot = box(3.6, 4.2, 3.0, 1.1).at(0, 36, -25.4)
    return [
        Part("key shaft", shaft, IRON, "metal", 0.22),
        Part("key collar", collar, BRASS, "metal", 0.22),
        Part("key", loops.melt(knot, 1.2), BRASS, "metal", 0.25),
    ]
