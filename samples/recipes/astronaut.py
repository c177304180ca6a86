"""An astronaut with a wave and a flag, on a piece of moon."""

from __future__ import annotations

import numpy as np
from build import Part
from shapes import Array, Shape, ball, box, disc, egg, half, oval, paint, ring, rod, tube, union

WHITE, GREY, DARK, ORANGE = "efeeea", "a7adb6", "353a44", "ee7a2b"
BLUE, GOLD, MOON, RED = "2e5fa8", "e2a63d", "a9a6a0", "cf3b34"

HEAD_Y = 55.0


def astronaut() -> list[Part]:
    return [*_moon(), *_legs(), *_trunk(), *_helmet(), *_arms(), *_flag()]


def _moon() -> list[Part]:
    rock = egg(25, 7.5, 22).at(0, 3.4, 0).bumpy(0.8, 14, 5).bumpy(0.25, 4.5, 6)
    for x, z, r in (
        (-15, 10, 4.2),
        (15.5, 11.5, 3.2),
        (-4, 17, 2.4),
        (17, -9, 4.4),
        (-14, -11, 5.0),
        (2, -17, 3.0),
        (5.5, 16.5, 1.6),
    ):
        y = 3.4 + 7.5 * float(np.sqrt(max(0.05, 1 - (x / 25) ** 2 - (z / 22) ** 2)))
        bowl = egg(r, r * 0.55, r)
        rock = rock.melt(ring(r, r * 0.2).at(x, y - 0.5, z), 1.2).carve(bowl.at(x, y + 0.3, z), 0.9)
    return [Part("moon", rock & half(y=-1), MOON, "matte", 0.4)]


def _legs() -> list[Part]:
    def puffy(p: Array) -> Array:
        return leg(p) - 0.55 * np.cos(p[:, 1] * 1.75)

    leg = rod((7.4, 13, 0), (5.6, 27, 0), 5.0, 5.6)
    boot = egg(5.8, 4.6, 8.2).at(7.8, 13.0, 2.2) & half(y=-1, offset=-9.5)
    sole = (egg(6.5, 5.0, 9.0).at(7.8, 12.6, 2.2) & Shape(lambda p: np.abs(p[:, 1] - 9.9) - 1.2)).grow(0.2)
    band = ring(5.0, 1.0).at(7.4, 16.2, 0)
    return [
        Part("legs", Shape(puffy).both_sides(), WHITE, "matte"),
        Part("boots", boot.both_sides(), WHITE, "satin"),
        Part("soles", sole.both_sides(), DARK, "matte"),
        Part("boot bands", band.both_sides(), ORANGE, "satin", 0.28),
    ]


def _trunk() -> list[Part]:
    torso = egg(11.8, 12.5, 9.6).at(0, 34.5, 0).melt(egg(10.2, 6.5, 8.4).at(0, 26.5, 0), 4)
    belt = torso.grow(0.7) & Shape(lambda p: np.abs(p[:, 1] - 28.2) - 1.3)
    panel = box(11.5, 8.2, 4.2, 1.2).turn(x=-4).at(0, 36.2, 9.2)
    screen = box(4.4, 3.0, 1.6, 0.4).turn(x=-4).at(-2.6, 37.6, 11.4)
    knobs = [disc(0.95, 1.8, 0.3).turn(x=86).at(1.9 + 2.6 * k, 38.2, 11.4) for k in range(2)]
    slots = union(*(box(1.5, 1.2, 1.6, 0.3).at(-3.6 + 2.4 * k, 34.0, 11.4) for k in range(4)))
    pack = box(18, 23, 9.5, 3.0).at(0, 38, -11.5)
    lid = box(15, 5, 8, 1.6).at(0, 50.0, -11.5)
    tanks = rod((5.0, 29, -16.6), (5.0, 45, -16.6), 2.7).both_sides()
    hose = tube(
        [(4.8, 34.5, 10.6), (11.0, 31.0, 11.0), (13.4, 32.5, 3.0), (10.0, 36, -7.0)], [1.25, 1.3, 1.3, 1.25]
    )
    ribbed = Shape(lambda p: hose(p) - 0.16 * np.cos((p[:, 0] * 1.0 - p[:, 2]) * 3.2))
    patch = paint(torso, oval(-7.2, 41.0, 1.9, 1.9), 0.2)
    star = paint(torso, oval(-7.2, 41.0, 1.0, 0.7, 30), 0.34)
    return [
        Part("suit", torso, WHITE, "matte"),
        Part("belt", belt, GREY, "satin"),
        Part("panel", panel, GREY, "satin", 0.25),
        Part("screen", screen, "5bd0c8", "gloss", 0.14),
        Part("knob red", knobs[0], RED, "gloss", 0.12),
        Part("knob yellow", knobs[1], "f2c53d", "gloss", 0.12),
        Part("slots", slots, DARK, "satin", 0.14),
        Part("pack", pack, "d5d7da", "satin"),
        Part("pack lid", lid, ORANGE, "satin", 0.3),
        Part("tanks", tanks, BLUE, "satin", 0.3),
        Part("tank caps", disc(2.9, 1.6, 0.4).at(5.0, 47.5, -16.6).both_sides(), GREY, "metal", 0.2),
        Part("hose", ribbed, DARK, "satin", 0.2),
        Part("patch", patch, BLUE, "satin", 0.14),
        Part("patch star", star, "ffffff", "satin", 0.1),
    ]


def _helmet() -> list[Part]:
    shell = egg(15.4, 14.6, 14.6).at(0, HEAD_Y, 0)
    window = egg(11.4, 9.6, 20).at(0, HEAD_Y - 0.3, 12)
    hood = shell.carve(window, 0.9)
    glass = egg(14.4, 13.6, 13.8).at(0, HEAD_Y, 0)
    frame = shell.grow(0.7) & Shape(lambda p: np.abs(window(p) - 0.5) - 1.0) & half(z=-1, offset=-2)
    neck = ring(9.4, 1.7).at(0, 43.6, 0)
    ears = disc(4.4, 4.0, 1.0).turn(z=90).at(14.9, HEAD_Y - 0.5, 0)
    lamp = rod((13.8, HEAD_Y + 8.2, 2.0), (13.8, HEAD_Y + 8.2, 7.6), 1.9)
    glow = disc(1.6, 1.4, 0.5).turn(x=90).at(13.8, HEAD_Y + 8.2, 9.2)
    aerial = rod((-12.6, HEAD_Y + 8, -3), (-14.8, HEAD_Y + 18.5, -4), 0.6)
    stripe = shell.grow(0.28) & box(3.4, 60, 60, 0.4).at(0, HEAD_Y, 0) & half(y=-1, offset=-(HEAD_Y + 9.5))
    return [
        Part("helmet", hood, WHITE, "satin", 0.35),
        Part("helmet stripe", stripe, ORANGE, "satin", 0.3),
        Part("visor", glass, "c98a2b", "gloss", 0.35),
        Part("visor frame", frame, GREY, "satin", 0.25),
        Part("neck ring", neck, GREY, "metal"),
        Part("ears", ears.both_sides(), ORANGE, "satin", 0.28),
        Part("lamp", lamp.both_sides(), GREY, "satin", 0.22),
        Part("lamp glass", glow.both_sides(), "fff3c4", "gloss", 0.16),
        Part("aerial", aerial, DARK, "satin", 0.15),
        Part("aerial tip", ball(1.3).at(-14.9, HEAD_Y + 18.9, -4), RED, "gloss", 0.15),
    ]


def _arms() -> list[Part]:
    wave = tube(
        [(9.5, 40.5, 0), (17.5, 38.0, 2.0), (22.5, 44.0, 4.0), (24.0, 49.0, 5.0)], [4.6, 4.2, 3.7, 3.4]
    )
    hold = tube([(-9.5, 40.5, 0), (-17.0, 35.5, 2.5), (-19.5, 31.0, 8.0)], [4.6, 4.1, 3.4])

    def puffy(s: Shape) -> Shape:
        return Shape(lambda p: s(p) - 0.4 * np.cos((p[:, 0] * np.sign(p[:, 0]) + p[:, 1] * 0.7) * 1.6))

    palm = egg(3.7, 4.2, 2.4).turn(z=-8).at(24.9, 54.2, 5.6)
    fingers = union(
        *(
            rod((24.9 + dx * 0.8, 56.4, 5.7), (25.3 + dx * 1.45, 60.2 - abs(dx) * 0.35, 6.2), 1.25, 1.05)
            for dx in (-2.6, -0.9, 0.9, 2.6)
        )
    )
    thumb = rod((22.4, 53.8, 6.0), (19.9, 56.4, 6.9), 1.3, 1.05)
    fist = (
        ball(3.6)
        .at(-20.2, 29.6, 9.8)
        .melt(
            union(
                *(rod((-22.4, 28.2 + k * 1.5, 12.2), (-18.8, 28.2 + k * 1.5, 12.8), 1.0) for k in range(3))
            ),
            0.4,
        )
    )
    cuffs = ring(3.5, 1.0).turn(z=-14, x=8).at(24.2, 50.0, 5.2) | ring(3.5, 1.0).turn(x=48, z=12).at(
        -19.6, 30.8, 8.2
    )
    return [
        Part("sleeves", puffy(wave) | puffy(hold), WHITE, "matte", 0.35),
        Part("gloves", palm.melt(fingers | thumb, 0.8) | fist, BLUE, "satin", 0.22),
        Part("cuffs", cuffs, ORANGE, "satin", 0.22),
    ]


def _flag() -> list[Part]:
    x, z = -20.6, 11.2
    pole = rod((x, 4.5, z), (x, 66, z), 0.85)
    cloth_flat = box(16, 10.5, 1.3, 0.45)

    def waved(s: Shape) -> Shape:
        return Shape(
            lambda p: (
                s(
                    (
                        p
                        - np.stack(
                            [p[:, 0] * 0, 0.5 * np.sin(p[:, 0] * 0.4), 1.0 * np.sin(p[:, 0] * 0.52 + 0.6)], 1
                        )
                    ).astype(np.float32)
                )
                * 0.8
            )
        )

    cloth = waved(cloth_flat.at(-8.2, 0, 0)).at(x, 59.4, z)
    circle = waved(disc(3.1, 1.9, 0.2).turn(x=90).at(-8.4, 0, 0)).at(x, 59.4, z)
    dot = waved(disc(1.1, 2.3, 0.2).turn(x=90).at(-7.2, 0.9, 0)).at(x, 59.4, z)
    return [
        Part("pole", pole, GREY, "metal", 0.2),
        Part("pole knob", ball(1.5).at(x, 66.3, z), GOLD, "metal", 0.16),
        Part("flag", cloth, RED, "satin", 0.22),
        Part("flag planet", circle, "f4d58d", "satin", 0.16),
        Part("flag crater", dot, "d9a441", "satin", 0.12),
    ]
