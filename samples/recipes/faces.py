"""Painted faces in the manner of collectible figurines: thin raised fields of colour on the head."""

from __future__ import annotations

from build import Part
from shapes import Shape, oval, paint, stencil


def painted_eyes(
    head: Shape,
    x: float,
    y: float,
    size: float,
    iris: str,
    glow: str,
    lash: str = "2a1a16",
    tilt: float = 0.0,
) -> list[Part]:
    """A pair of large eyes at (+-x, y); `size` is half the eye's height."""
    w = size * 0.72

    def both(shape: Shape) -> Shape:
        return shape | shape.mirrored()

    upper = stencil(
        [
            (x - w * 1.12, y + size * 0.45),
            (x - w * 0.7, y + size * 1.0),
            (x, y + size * 1.22),
            (x + w * 0.8, y + size * 0.98),
            (x + w * 1.5, y + size * 0.42),
            (x + w * 1.25, y + size * 0.38),
            (x + w * 0.75, y + size * 0.74),
            (x, y + size * 0.96),
            (x - w * 0.65, y + size * 0.76),
        ]
    )
    layers = [
        ("eye white", both(oval(x, y, w, size)), "fbfaf7", 0.10, "satin"),
        ("iris", both(oval(x - w * 0.06, y - size * 0.04, w * 0.72, size * 0.84)), iris, 0.16, "gloss"),
        ("iris glow", both(oval(x - w * 0.06, y - size * 0.42, w * 0.5, size * 0.38)), glow, 0.20, "gloss"),
        ("pupil", both(oval(x - w * 0.06, y + size * 0.08, w * 0.36, size * 0.46)), "161219", 0.24, "gloss"),
        ("lash", both(upper), lash, 0.26, "satin"),
    ]
    parts = [Part(n, paint(head, s, lift), c, f, 0.1) for n, s, c, lift, f in layers]
    gleam = oval(x + w * 0.22, y + size * 0.42, w * 0.24, size * 0.22) | oval(
        x - w * 0.3, y - size * 0.32, w * 0.13, size * 0.12
    )
    gleam_right = oval(-x + w * 0.22, y + size * 0.42, w * 0.24, size * 0.22) | oval(
        -x - w * 0.3, y - size * 0.32, w * 0.13, size * 0.12
    )
    return [*parts, Part("gleam", paint(head, gleam | gleam_right, 0.32), "ffffff", "gloss", 0.1)]


def brows(head: Shape, x: float, y: float, width: float, colour: str, slant: float = 0.0) -> Part:
    brow = stencil(
        [
            (x - width, y - 0.35 - slant),
            (x - width * 0.2, y + 0.45),
            (x + width, y - 0.1 + slant),
            (x + width * 0.1, y + 0.05 - 0.05),
            (x - width * 0.9, y - 0.95 - slant),
        ]
    )
    return Part("brows", paint(head, brow | brow.mirrored(), 0.18), colour, "satin", 0.1)


def smile(head: Shape, y: float, width: float, colour: str = "8c3b34") -> Part:
    mouth = stencil(
        [
            (-width, y + 0.35),
            (-width * 0.5, y - 0.12),
            (0, y - 0.25),
            (width * 0.5, y - 0.12),
            (width, y + 0.35),
            (width * 0.5, y - 0.5),
            (0, y - 0.75),
            (-width * 0.5, y - 0.5),
        ]
    )
    return Part("mouth", paint(head, mouth, 0.12), colour, "satin", 0.1)


def blush(head: Shape, x: float, y: float, size: float, colour: str) -> Part:
    spot = oval(x, y, size, size * 0.55)
    return Part("blush", paint(head, spot | spot.mirrored(), 0.06), colour, "matte", 0.12)
