"""A boxy little robot: separated limbs on ball joints, a thin antenna, a wrench, a hatch with lamps."""

from __future__ import annotations

import numpy as np
from build import Part
from shapes import Shape, ball, box, disc, half, lathe, ring, rod, tube, union

YELLOW, WHITE, GREY, DARK = "f0b429", "eeeae2", "8b929c", "33383f"
ORANGE, CYAN, RED = "e8672c", "4fd8e8", "d9402f"


def mech() -> list[Part]:
    return [*_legs(), *_trunk(), *_head(), *_arm_with_wrench(), *_waving_arm()]


def _legs() -> list[Part]:
    foot = box(11.5, 6.0, 17, 2.2).at(9.2, 3.0, 2.0) - box(30, 5, 5, 0.4).turn(x=38).at(9.2, 7.6, 11.5)
    sole = box(12.3, 1.8, 17.8, 0.6).at(9.2, 0.9, 2.0)
    ankle = ball(2.9).at(9.2, 7.2, 0)
    shin = box(8.4, 10, 8.6, 1.6).at(9.2, 13.4, 0).melt(box(9.6, 3, 9.8, 1).at(9.2, 10.0, 0), 0.8)
    knee = disc(2.7, 9.6, 0.6).turn(z=90).at(9.2, 19.6, 0.4)
    guard = box(6.6, 5.0, 3.0, 1.1).at(9.2, 19.6, 4.4)
    thigh = rod((9.2, 20, 0), (7.6, 27.5, 0), 2.4, 2.4)
    rings = union(*(ring(2.5, 0.65).at(8.9 - 0.4 * k, 22.2 + 1.6 * k, 0) for k in range(3)))
    return [
        Part("feet", foot.both_sides(), YELLOW, "satin"),
        Part("soles", sole.both_sides(), DARK, "matte"),
        Part("ankles", ankle.both_sides(), DARK, "metal"),
        Part("shins", shin.both_sides(), YELLOW, "satin"),
        Part("knees", knee.both_sides(), GREY, "metal"),
        Part("knee guards", guard.both_sides(), ORANGE, "satin", 0.25),
        Part("thighs", thigh.both_sides(), DARK, "matte"),
        Part("thigh rings", rings.both_sides(), GREY, "metal", 0.22),
        Part("shin stripes", box(8.7, 1.5, 9.0, 0.4).at(9.2, 15.6, 0).both_sides(), WHITE, "satin", 0.25),
    ]


def _trunk() -> list[Part]:
    pelvis = box(19, 5.5, 10.5, 2.0).at(0, 28.2, 0)
    waist = lathe([(4.6, 30), (4.6, 34)], 0.4)
    chest = box(27, 20, 17, 4.0).at(0, 43, 0) - box(40, 10, 10, 0.5).turn(x=-28).at(0, 33.2, 10.5)
    panel = box(17, 9.6, 3, 1.2).at(0, 46.2, 8.2)
    dial = disc(3.2, 3.0, 0.5).turn(x=90).at(-4.2, 46.2, 9.0)
    face = disc(2.5, 3.4, 0.3).turn(x=90).at(-4.2, 46.2, 9.0)
    needle = box(0.5, 2.6, 0.9, 0.15).turn(z=-35).at(-4.6, 46.7, 10.6)
    lamps = [disc(1.15, 2.6, 0.4).turn(x=90).at(2.2 + 3.3 * k, 47.8, 9.3) for k in range(2)]
    bars = union(*(box(5.6, 0.75, 2.4, 0.3).at(3.9, 45.2 - 1.6 * k, 9.3) for k in range(3)))
    bolts = union(*(ball(0.8).at(x, y, 8.3) for x in (-11.2, 11.2) for y in (39.6, 50.6)))
    pack = box(17, 15, 6.0, 2.0).at(0, 44, -10.0)
    pipes = rod((5.2, 38, -13.5), (5.2, 55, -13.5), 2.3).both_sides()
    caps = disc(2.9, 2.0, 0.6).at(5.2, 55.8, -13.5).both_sides()
    shoulder = ball(3.6).at(14.6, 48.6, 0)
    return [
        Part("pelvis", pelvis, GREY, "satin"),
        Part("pelvis lamp", box(5, 3.2, 3, 0.8).at(0, 28.4, 4.8), ORANGE, "satin", 0.25),
        Part(
            "waist",
            waist | union(*(ring(4.7, 0.7).at(0, 31.0 + 1.5 * k, 0) for k in range(3))),
            DARK,
            "matte",
        ),
        Part("chest", chest, YELLOW, "satin"),
        Part("panel", panel, WHITE, "satin", 0.3),
        Part("dial", dial, DARK, "satin", 0.2),
        Part("dial face", face, "f7f3e6", "satin", 0.2),
        Part("needle", needle, RED, "satin", 0.1),
        Part("lamp red", lamps[0], RED, "gloss", 0.15),
        Part("lamp cyan", lamps[1], CYAN, "gloss", 0.15),
        Part("bars", bars, DARK, "satin", 0.14),
        Part("bolts", bolts, GREY, "metal", 0.15),
        Part("pack", pack, GREY, "satin"),
        Part("pipes", pipes, WHITE, "satin"),
        Part("pipe caps", caps, ORANGE, "satin", 0.25),
        Part("shoulder joints", shoulder.both_sides(), DARK, "metal"),
    ]


def _head() -> list[Part]:
    neck = lathe([(3.4, 52), (3.4, 57)], 0.4) | union(
        *(ring(3.5, 0.6).at(0, 53.6 + 1.4 * k, 0) for k in range(2))
    )
    skull = box(25, 17, 18, 5.0).at(0, 64.2, 0)
    screen = box(20, 11.6, 4, 3.4 / 2).at(0, 63.6, 8.2)
    glass = box(18, 9.6, 4, 1.8).at(0, 63.6, 8.7)
    eyes = (disc(2.5, 3.0, 0.8).turn(x=90).stretch(0.86, 1.12, 1).at(4.5, 64.4, 10.0)).both_sides()
    grin = tube([(-2.2, 60.9, 10.7), (0, 60.2, 10.7), (2.2, 60.9, 10.7)], [0.42, 0.5, 0.42])
    ears = disc(4.0, 3.6, 0.9).turn(z=90).at(13.2, 64, 0)
    earcap = disc(2.4, 2.0, 0.6).turn(z=90).at(15.2, 64, 0)
    mast = rod((6.5, 72, -2), (9.0, 84.5, -2), 0.62)
    foot = lathe([(2.1, 0), (2.0, 1.4), (1.0, 2.0)], 0.3).at(6.5, 72.0, -2)
    blade = rod((15.2, 65, 0), (15.2, 76, 0), 0.75, 0.55).mirrored()
    return [
        Part("neck", neck, DARK, "matte", 0.25),
        Part("skull", skull, YELLOW, "satin"),
        Part(
            "skull stripe",
            box(6, 17.5, 18.5, 5.2).at(0, 64.3, -0.4) & half(y=-1, offset=-70.0),
            WHITE,
            "satin",
            0.25,
        ),
        Part("screen frame", screen, WHITE, "satin", 0.25),
        Part("screen", glass, "1d2733", "gloss", 0.25),
        Part("eyes", eyes, CYAN, "gloss", 0.15),
        Part("grin", grin, CYAN, "gloss", 0.12),
        Part("ears", ears.both_sides(), GREY, "metal"),
        Part("ear caps", earcap.both_sides(), ORANGE, "satin", 0.2),
        Part("antenna foot", foot, GREY, "metal", 0.18),
        Part("antenna", mast, GREY, "metal", 0.16),
        Part("antenna tip", ball(1.8).at(9.1, 85.5, -2), RED, "gloss", 0.16),
        Part("aerial", blade, DARK, "satin", 0.16),
    ]


def _limb(a: tuple[float, float, float], b: tuple[float, float, float]) -> Shape:
    start, end = np.array(a), np.array(b)
    spine = [rod(a, b, 1.9)]
    for t in (0.3, 0.5, 0.7):
        spine.append(ball(2.55).at(*(start + (end - start) * t)))
    return union(*spine)


def _claw() -> Shape:
    palm = disc(3.4, 3.4, 0.9)
    finger = tube([(0, 0.5, 2.2), (0, 3.6, 4.0), (0, 7.0, 2.0)], [1.3, 1.35, 0.8]).around(3)
    return palm | finger


def _arm_with_wrench() -> list[Part]:
    elbow, wrist = (-21.5, 39.5, 1.0), (-22.5, 32.0, 8.0)
    pad = box(9.4, 8.6, 10.4, 2.6).turn(z=8).at(-19.4, 50.2, 0)
    cuff = rod((-22.0, 35.8, 4.2), wrist, 3.9, 4.4)
    wrench = (
        rod((0, -9, 0), (0, 10, 0), 1.35)
        | ((disc(3.9, 2.6, 0.5).turn(x=90).at(0, 12.4, 0)) - box(2.9, 7, 9, 0.3).at(0, 15.0, 0))
        | (disc(2.9, 2.6, 0.5).turn(x=90).at(0, -10.4, 0) - disc(1.5, 9, 0.1).turn(x=90).at(0, -10.4, 0))
    )
    hold = (-22.6, 30.3, 11.0)
    fist = ball(3.6).at(-22.6, 30.6, 10.4)
    return [
        Part("right pad", pad, ORANGE, "satin"),
        Part("right upper", _limb((-18, 48, 0), elbow), DARK, "matte", 0.25),
        Part("right elbow", ball(3.1).at(*elbow), GREY, "metal"),
        Part("right forearm", rod(elbow, wrist, 2.0), DARK, "matte", 0.25),
        Part("right cuff", cuff, YELLOW, "satin"),
        Part("right fist", fist, GREY, "metal"),
        Part("wrench", wrench.turn(x=30, z=12).at(*hold), "c5ccd4", "metal", 0.22),
    ]


def _waving_arm() -> list[Part]:
    elbow, wrist = (24.0, 44.5, 1.0), (28.5, 54.5, 3.0)
    pad = box(9.4, 8.6, 10.4, 2.6).turn(z=-8).at(19.4, 50.2, 0)
    cuff = rod((26.2, 49.4, 2.0), wrist, 3.9, 4.4)
    return [
        Part("left pad", pad, ORANGE, "satin"),
        Part("left upper", _limb((18, 48, 0), elbow), DARK, "matte", 0.25),
        Part("left elbow", ball(3.1).at(*elbow), GREY, "metal"),
        Part("left forearm", rod(elbow, wrist, 2.0), DARK, "matte", 0.25),
        Part("left cuff", cuff, YELLOW, "satin"),
        Part("left claw", _claw().turn(x=14, z=-22).at(29.6, 58.6, 3.6), GREY, "metal", 0.22),
    ]
