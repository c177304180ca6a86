"""A sitting fox with its tail around its feet: smooth, no base."""

from __future__ import annotations

from build import Part
from shapes import Shape, ball, egg, half, oval, paint, plate, rod, smooth_outline, stencil, tube, union

ORANGE, WHITE, DARK, RUST = "e8772e", "fbf3e4", "3a2622", "c9581d"

HEAD = (
    egg(14.0, 11.8, 11.5)
    .at(0, 47, 2)
    .melt(egg(5.8, 4.8, 9.0).at(0, 43.2, 11.0), 5)
    .melt(egg(5.6, 4.2, 4.5).turn(z=-24).at(10.8, 42.2, 4.0).both_sides(), 4)
)
BODY = egg(13.6, 15.0, 13.2).at(0, 15.5, -2.0).melt(egg(9.6, 12.0, 9.0).at(0, 29.0, 1.6), 7).melt(
    egg(6.6, 9.5, 9.5).at(9.6, 9.6, 1.0).both_sides(), 3
) & half(y=-1, offset=0.0)
TAIL_PATH = [
    (0, 6.5, -13),
    (11, 6.5, -15.5),
    (21, 7.2, -7.5),
    (21.5, 7.6, 5.5),
    (13.5, 6.6, 15.5),
    (2.5, 5.0, 18.6),
]
TAIL = tube(TAIL_PATH, [3.6, 5.6, 7.2, 7.5, 6.0, 1.2], 8) & half(y=-1)


def fox() -> list[Part]:
    return [*_body(), *_head(), *_ears()]


def _body() -> list[Part]:
    leg = tube([(5.2, 24, 7.5), (5.6, 12, 10.6), (5.6, 3.5, 11.6)], [4.2, 3.2, 3.0])
    sock = leg.grow(0.3) & half(y=1, offset=9.5)
    paw = egg(4.0, 3.0, 5.0).at(5.6, 2.4, 13.4) & half(y=-1)
    toes = union(*(rod((5.6 + dx, 2.2, 17.4), (5.6 + dx, 4.0, 17.0), 0.32) for dx in (-1.2, 1.2)))
    bib = smooth_outline(
        [
            (0, 38),
            (7.0, 36),
            (8.2, 29),
            (5.0, 20),
            (2.6, 15.4),
            (0, 11.5),
            (-2.6, 15.4),
            (-5.0, 20),
            (-8.2, 29),
            (-7.0, 36),
        ]
    )
    ruff = union(
        *(
            tube(
                [
                    (x, 36.0, 9.4 - abs(x) * 0.3),
                    (x * 1.05, 31.0, 11.8 - abs(x) * 0.35),
                    (x * 0.8, 26.2 + abs(x) * 0.5, 11.6 - abs(x) * 0.25),
                ],
                [2.2, 2.4, 0.4],
            )
            for x in (-6.4, -3.3, 0, 3.3, 6.4)
        )
    )
    hind = egg(3.6, 2.6, 5.4).at(11.6, 2.0, 9.0) & half(y=-1)
    tip = (
        TAIL.grow(0.35)
        & Shape(lambda p: p[:, 0] - 12.5 - 0.14 * abs(p[:, 1] - 6) - 0.0 * p[:, 2])
        & half(z=-1, offset=-8)
    )
    return [
        Part("body", BODY, ORANGE, "satin"),
        Part("bib", paint(BODY, stencil(bib), 0.35, 1.4), WHITE, "satin", 0.28),
        Part("ruff", ruff, WHITE, "satin", 0.28),
        Part("legs", leg.both_sides(), ORANGE, "satin"),
        Part("socks", sock.both_sides(), DARK, "satin", 0.28),
        Part("paws", (paw.both_sides() | hind.both_sides()), DARK, "satin", 0.28),
        Part("toes", toes.both_sides(), "1f1513", "matte", 0.14),
        Part("tail", TAIL, ORANGE, "satin", 0.35),
        Part("tail tip", tip, WHITE, "satin", 0.3),
    ]


def _head() -> list[Part]:
    cheek = smooth_outline(
        [(2.2, 38.0), (2.4, 43.6), (5.6, 44.4), (9.6, 44.6), (15.6, 45.8), (19, 38), (9, 33), (2, 34)]
    )
    mask = stencil(cheek) | stencil(cheek).mirrored() | (oval(0, 39.5, 4.6, 3.9) & half(z=-1, offset=-4))
    brow = oval(5.6, 53.2, 2.1, 1.2, 22)
    nose = egg(2.3, 1.7, 1.7).at(0, 44.6, 19.6)
    mouth = tube(
        [(-2.8, 41.7, 18.2), (-1.3, 40.8, 18.9), (0, 41.6, 19.5), (1.3, 40.8, 18.9), (2.8, 41.7, 18.2)],
        [0.3, 0.4, 0.4, 0.4, 0.3],
    )
    eye = egg(2.5, 3.2, 1.5).turn(y=28, z=-10).at(6.5, 48.2, 11.6)
    gleam = ball(0.85).at(6.9, 49.5, 12.8) | ball(0.85).at(-5.7, 49.5, 13.3)
    lash = tube(
        [(4.3, 50.5, 13.0), (5.8, 52.0, 12.5), (8.4, 51.6, 11.0), (10.2, 50.0, 9.8)], [0.4, 0.6, 0.6, 0.3]
    )
    return [
        Part("head", HEAD, ORANGE, "satin"),
        Part("mask", paint(HEAD, mask, 0.3, 1.2), WHITE, "satin", 0.22),
        Part("brows", paint(HEAD, brow | brow.mirrored(), 0.25, 0.9), "f6b26a", "satin", 0.18),
        Part("nose", nose, "221815", "gloss", 0.15),
        Part("mouth", mouth, DARK, "satin", 0.12),
        Part("eyes", eye.both_sides(), "1c1210", "gloss", 0.14),
        Part("gleams", gleam, "ffffff", "gloss", 0.1),
        Part("lashes", lash.both_sides(), DARK, "satin", 0.12),
    ]


def _ears() -> list[Part]:
    outline = smooth_outline([(-6.2, 0), (-4.0, 8.5), (0.4, 17.5), (4.6, 9.5), (6.6, 1.0), (0, -2.6)])
    shell = plate(outline, 4.6, 2.0)
    inner = plate([(x * 0.66 + 0.2, y * 0.72 + 1.0) for x, y in outline], 3.0, 0.9).at(0, 0, 1.5)

    def place(s: Shape) -> Shape:
        return s.turn(x=-6, y=24, z=-20).at(8.6, 54.5, 0.5).both_sides()

    tip = shell.grow(0.25) & half(y=-1, offset=-10.5)
    return [
        Part("ears", place(shell), ORANGE, "satin", 0.3),
        Part("ear tips", place(tip - inner.grow(0.2)), DARK, "satin", 0.25),
        Part("ear linings", place(inner), WHITE, "satin", 0.25),
    ]
