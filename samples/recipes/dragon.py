"""A baby dragon with spread wings and a tail that sweeps to its left: the wide one."""

from __future__ import annotations

import itertools

import numpy as np
from build import Part
from faces import painted_eyes
from shapes import (
    Array,
    Shape,
    ball,
    egg,
    half,
    oval,
    paint,
    plate,
    rod,
    smooth_outline,
    stencil,
    tube,
    union,
)

GREEN, DEEP, CREAM, HORN = "3fa37c", "2a7a66", "f3e3b3", "efe6d2"
MEMBRANE, SPIKE, DARK = "f08a4b", "f2a03d", "24302e"

TAIL = [(0, 10, -6), (3, 6.5, -15), (12, 5.0, -22), (24, 5.5, -22), (33, 9.0, -15), (36.5, 15.0, -9)]
TAIL_RADII = [8.0, 6.2, 4.9, 3.7, 2.4, 1.3]
TRUNK = (
    egg(11.5, 13.5, 10.5)
    .at(0, 17, 0)
    .melt(egg(8.5, 8, 8).at(0, 27.5, 1.0), 5)
    .melt(tube(TAIL, TAIL_RADII), 4)
    .melt(egg(6.4, 7.6, 8.0).at(9.0, 8.6, 1.5).both_sides(), 2)
)
SKULL = (
    egg(13.0, 11.0, 11.5)
    .at(0, 40.5, 2.5)
    .melt(egg(9.2, 5.6, 7.5).at(0, 36.5, 10.5), 4)
    .melt(ball(2.2).at(3.2, 39.4, 16.4).both_sides(), 2)
)


def dragon() -> list[Part]:
    return [*_body(), *_head(), *_limbs(), *_wings()]


def _body() -> list[Part]:
    belly = oval(0, 18, 8.2, 14.5)
    bands = union(*(oval(0, y, 12, 0.45) for y in (8.5, 12, 15.5, 19, 22.5, 26, 29.5)))
    spikes = []
    back = [(30.5, -6.6, 3.0), (25.0, -8.6, 3.6), (18.5, -10.8, 3.8), (12.0, -13.4, 3.4)]
    for y, z, size in back:
        spikes.append(_spike().stretch(size * 0.42, size, size).turn(x=-64).at(0, y, z + 1.0))
    for (x, y, z), r in list(zip(TAIL, TAIL_RADII, strict=True))[1:5]:
        spikes.append(
            _spike().stretch(1.1 + 0.08 * r, 1.3 + r * 0.34, 1.1 + 0.08 * r).turn(x=-14).at(x, y + r * 0.9, z)
        )
    spade = plate(
        smooth_outline(
            [(-1.4, -1.0), (-5.4, 1.8), (-2.6, 5.0), (0, 10.5), (2.6, 5.0), (5.4, 1.8), (1.4, -1.0)]
        ),
        3.0,
        1.3,
    )
    tip = spade.turn(z=-24, y=-30).at(36.6, 14.6, -8.8)
    return [
        Part("body", TRUNK, GREEN, "satin"),
        Part("belly", paint(TRUNK, belly, 0.28, 1.2), CREAM, "satin", 0.25),
        Part("belly bands", paint(TRUNK, belly & bands, 0.42, 0.5), "d9bf83", "satin", 0.16),
        Part("spikes", union(*spikes), SPIKE, "satin", 0.25),
        Part("tail tip", tip, SPIKE, "satin", 0.22),
    ]


def _spike() -> Shape:
    """A rounded cone of height 1.6 and radius about 1 at its foot."""
    return rod((0, -0.3, 0), (0, 1.6, 0), 0.95, 0.12)


def _head() -> list[Part]:
    horn = tube(
        [(6.2, 49, 0), (8.8, 54.5, -3.0), (9.6, 59.5, -8.0), (8.6, 62.5, -12.5)], [2.6, 2.2, 1.5, 0.4]
    )
    crest = union(
        *(
            _spike().stretch(1.3, s, s).turn(x=a).at(0, y, z)
            for y, z, s, a in ((51.0, 5.0, 2.2, 12), (51.4, 0.0, 2.8, -14), (48.8, -5.2, 2.8, -44))
        )
    )
    fin = (
        plate([(0, 3.2), (6.5, 6.5), (5.0, 3.0), (9.4, 2.2), (5.8, -0.6), (7.6, -3.8), (0, -3.0)], 1.5, 0.5)
        .turn(y=28, z=8)
        .at(11.2, 41.0, -1.0)
    )
    snout = paint(
        SKULL,
        stencil([(-10, 36.2), (-5, 34.4), (0, 33.9), (5, 34.4), (10, 36.2), (9, 26), (-9, 26)]),
        0.25,
        1.0,
    )
    mouth = stencil(
        [
            (-7.0, 36.0),
            (-4.0, 34.5),
            (0, 33.9),
            (4.0, 34.5),
            (7.0, 36.0),
            (4.0, 33.9),
            (0, 33.3),
            (-4.0, 33.9),
        ]
    )
    fangs = rod((4.0, 34.6, 16.2), (4.1, 32.4, 16.9), 0.9, 0.3)
    nostril = oval(2.6, 39.6, 0.75, 0.6, 20)
    return [
        Part("head", SKULL, GREEN, "satin"),
        Part("jaw", snout, CREAM, "satin", 0.25),
        Part("mouth", paint(SKULL, mouth, 0.4), "8a3b33", "satin", 0.13),
        Part("fangs", fangs.both_sides(), "ffffff", "gloss", 0.13),
        Part("nostrils", paint(SKULL, nostril | nostril.mirrored(), 0.1), DEEP, "satin", 0.12),
        *painted_eyes(SKULL, 6.6, 43.4, 3.5, "b5651d", "f7c64a", "1d2b29"),
        Part("horns", horn.both_sides(), HORN, "satin", 0.25),
        Part("crest", crest, SPIKE, "satin", 0.25),
        Part("ear fins", fin.both_sides(), MEMBRANE, "satin", 0.25),
    ]


def _limbs() -> list[Part]:
    arm = tube([(7.6, 25.5, 4.5), (11.2, 20.5, 7.5), (8.4, 17.6, 12.5)], [3.2, 2.8, 2.5])
    fingers = union(
        *(rod((8.4 + dx, 17.8, 13.0), (8.0 + dx * 1.5, 16.4, 15.2), 1.1, 0.5) for dx in (-1.5, 0, 1.5))
    )
    foot = egg(5.4, 3.6, 7.6).at(10.0, 3.3, 5.0) & half(y=-1)
    claws = union(*(egg(1.25, 1.4, 2.2).at(10.0 + dx, 1.5, 11.8 - abs(dx) * 0.32) for dx in (-3.3, 0, 3.3)))
    return [
        Part("arms", arm.both_sides(), GREEN, "satin"),
        Part("fingers", fingers.both_sides(), HORN, "satin", 0.2),
        Part("feet", foot.both_sides(), GREEN, "satin"),
        Part("toe claws", (claws & half(y=-1)).both_sides(), HORN, "satin", 0.2),
    ]


def _wings() -> list[Part]:
    tips = [(31, 20.5), (34, 6.5), (25.5, -4.5), (14, -8.0)]
    outline: list[tuple[float, float]] = [(0, 0), (9.5, 13.5), tips[0]]
    for (ax, ay), (bx, by) in itertools.pairwise(tips):
        for t in (0.25, 0.5, 0.75):
            sag = 0.34 * 4 * t * (1 - t)
            x, y = ax + (bx - ax) * t, ay + (by - ay) * t
            outline.append((x + (9.5 - x) * sag * 0.62, y + (8 - y) * sag * 0.62))
        outline.append((bx, by))
    outline.append((2.5, -5.0))
    membrane = plate(outline, 1.2, 0.4)
    wrist = (9.5, 13.5, 0.0)
    bones = [tube([(-2, -3, 0), (3.6, 6.5, 0.4), wrist], [2.4, 1.9, 1.6])]
    for k, (x, y) in enumerate(tips):
        middle = ((wrist[0] + x) / 2 + 0.9, (wrist[1] + y) / 2 + 1.4 - 0.5 * k, 0.4)
        bones.append(tube([wrist, middle, (x, y, 0)], [1.35, 1.0, 0.55]))
    claw = tube([wrist, (9.4, 16.6, 1.0), (10.4, 18.8, 2.6)], [1.5, 1.0, 0.3])

    def place(s: Shape) -> Shape:
        return s.turn(y=14, x=-8).at(6.0, 27.5, -6.5).both_sides()

    curl = np.float32(0.004)

    def curled(s: Shape) -> Shape:
        def distance(p: Array) -> Array:
            q = p.copy()
            q[:, 2] -= curl * p[:, 0] ** 2
            return s(q) * 0.93

        return Shape(distance)

    return [
        Part("membranes", place(curled(membrane)), MEMBRANE, "satin", 0.28),
        Part("wing bones", place(curled(union(*bones))), DEEP, "satin", 0.28),
        Part("wing claws", place(curled(claw)), HORN, "satin", 0.2),
    ]
