"""Pictures without a figurine, drawn by code: what NO_FIGURINE must notice, and what clutters a background.

Each maker takes a random generator, height and width and returns sRGB pixels (H,W,3). They are cartoons of what
people send by mistake; photographs are measured besides where a folder of them is given.
"""

from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from slipcast.core.values import F32, U8

Maker = Callable[[np.random.Generator, int, int], U8]


def clouds(rng: np.random.Generator, height: int, width: int, rough: float = 0.55) -> F32:
    """(H,W) fractal noise in [0, 1]: octaves of smoothed random fields."""
    out = np.zeros((height, width), np.float32)
    weight, cells = 1.0, 2
    while cells < max(height, width) / 2:
        field = rng.random((cells + 1, cells + 1)).astype(np.float32)
        out += weight * cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC)
        weight, cells = weight * rough, cells * 2
    low, high = float(out.min()), float(out.max())
    scaled: F32 = (out - low) / max(high - low, 1e-6)
    return scaled


def flat(rng: np.random.Generator, height: int, width: int) -> U8:
    """One colour."""
    return np.full((height, width, 3), rng.integers(0, 256, 3), np.uint8)


def gradient(rng: np.random.Generator, height: int, width: int) -> U8:
    """An empty studio: one colour that runs into another, perhaps with a horizon."""
    one, other = rng.uniform(80, 255, 3), rng.uniform(60, 255, 3)
    ramp = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    if rng.random() < 0.5:
        ramp = 1 / (1 + np.exp(-(ramp - rng.uniform(0.4, 0.7)) * 40))
    rows = one * (1 - ramp) + other * ramp
    return _levels(np.repeat(rows[:, None], width, axis=1))


def grain(rng: np.random.Generator, height: int, width: int) -> U8:
    """Pure noise."""
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def fabric(rng: np.random.Generator, height: int, width: int) -> U8:
    """A texture that fills the picture: stone, weave, marble, stripes or tiles."""
    kind = int(rng.integers(0, 4))
    field = clouds(rng, height, width, rough=0.8)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    cell = rng.uniform(0.02, 0.08) * width
    if kind == 1:
        field = 0.5 * field + 0.25 * (np.sin(x / cell * 6) > 0) + 0.25 * (np.sin(y / cell * 6) > 0)
    elif kind == 2:
        field = 0.5 + 0.5 * np.sin(x / cell + 9 * field)
    elif kind == 3:
        mortar = (x + (y // cell % 2) * cell) % (2 * cell) < 0.1 * cell
        field = np.where(mortar | (y % cell < 0.1 * cell), 0.9, 0.3 + 0.3 * field)
    return _mixed(rng, field.astype(np.float32))


def landscape(rng: np.random.Generator, height: int, width: int) -> U8:
    """Sky with clouds over ranges of hills, each paler than the one before."""
    sky = _levels(
        np.array([90, 150, 220]) + clouds(rng, height, width)[..., None] * np.array([150, 95, 35], np.float32)
    )
    out = sky.copy()
    rows = np.arange(height)[:, None]
    layers = int(rng.integers(3, 6))
    for layer in range(layers):
        line = clouds(rng, 4, width, rough=0.5)[1]
        crest = height * (0.35 + 0.5 * layer / layers) + (line - 0.5) * height * 0.3
        haze = layer / layers
        colour = (1 - haze) * np.array([130, 150, 170]) + haze * rng.uniform([30, 60, 20], [90, 120, 60])
        ground = colour * (0.7 + 0.6 * clouds(rng, height, width, rough=0.85)[..., None])
        out = np.where((rows > crest[None, :])[..., None], _levels(ground), out)
    return out.astype(np.uint8)


def street(rng: np.random.Generator, height: int, width: int) -> U8:
    """Houses with rows of windows on both sides of a road that runs to the horizon."""
    page = Image.fromarray(landscape(rng, height, width))
    pen = ImageDraw.Draw(page)
    middle, level = width * rng.uniform(0.35, 0.65), height * rng.uniform(0.4, 0.55)
    pen.polygon([(0, height), (middle - 8, level), (middle + 8, level), (width, height)], fill=(95, 95, 100))
    for side in (-1, 1):
        edge = 0.0 if side < 0 else float(width)
        near = 1.0
        while near > 0.12:
            far = near * rng.uniform(0.6, 0.75)
            colour = tuple(int(v) for v in rng.integers(90, 220, 3))
            tall = rng.uniform(0.7, 1.3)
            x0, x1 = middle + (edge - middle) * near, middle + (edge - middle) * far
            corner = [
                (x0, level + (height - level) * near),
                (x0, level - level * near * tall),
                (x1, level - level * far * tall),
                (x1, level + (height - level) * far),
            ]
            pen.polygon(corner, fill=colour)
            for row in range(5):
                for column in range(3):
                    u, v = (column + 0.3) / 3, (row + 0.25) / 5.5
                    part = near + (far - near) * u
                    x = middle + (edge - middle) * part
                    up, down = level - level * part * tall, level + (height - level) * part
                    y = up + (down - up) * v
                    size = 0.05 * (down - up)
                    pen.rectangle((x - size / 2, y, x + size / 2, y + 1.6 * size), fill=(50, 60, 80))
            near = far
    return np.asarray(page).copy()


def page_of_text(rng: np.random.Generator, height: int, width: int) -> U8:
    """A printed page."""
    page = Image.new("RGB", (width, height), tuple(int(v) for v in rng.integers(225, 256, 3)))
    pen = ImageDraw.Draw(page)
    size = max(9, int(rng.uniform(0.018, 0.04) * height))
    font = ImageFont.load_default(size)
    letters = list("etaoinshrdlucmfwypvbgk")
    y = 0.06 * height
    while y < 0.92 * height:
        words: list[str] = []
        while pen.textlength(" ".join(words), font=font) < 0.8 * width:
            words.append("".join(rng.choice(letters, int(rng.integers(2, 10)))))
        pen.text((0.07 * width, y), " ".join(words[:-1]), font=font, fill=(30, 30, 35))
        y += 1.35 * size if rng.random() < 0.85 else 2.5 * size
    return np.asarray(page).copy()


def shapes(rng: np.random.Generator, height: int, width: int) -> U8:
    """A crowd of coloured shapes from edge to edge."""
    page = Image.fromarray(fabric(rng, height, width))
    pen = ImageDraw.Draw(page)
    for _ in range(int(rng.integers(60, 160))):
        x, y = rng.uniform(-0.1, 1.1) * width, rng.uniform(-0.1, 1.1) * height
        size = rng.uniform(0.02, 0.14) * width
        colour = tuple(int(v) for v in rng.integers(0, 256, 3))
        turns = int(rng.integers(3, 8))
        pen.regular_polygon((x, y, size), turns, rotation=float(rng.uniform(0, 360)), fill=colour)
    return np.asarray(page).copy()


def shelf(rng: np.random.Generator, height: int, width: int) -> U8:
    """Shelves full of books."""
    page = Image.new("RGB", (width, height), (90, 60, 40))
    pen = ImageDraw.Draw(page)
    rows = int(rng.integers(3, 6))
    tall = height / rows
    for row in range(rows):
        x = 0.0
        while x < width:
            thick = rng.uniform(0.015, 0.06) * width
            top = row * tall + rng.uniform(0.08, 0.35) * tall
            colour = tuple(int(v) for v in rng.integers(20, 240, 3))
            pen.rectangle((x, top, x + thick - 2, (row + 1) * tall - 0.06 * tall), fill=colour)
            pen.rectangle(
                (x + 0.2 * thick, top + 0.1 * tall, x + 0.7 * thick, top + 0.14 * tall), fill=(230, 220, 180)
            )
            x += thick
    return np.asarray(page).copy()


def foliage(rng: np.random.Generator, height: int, width: int) -> U8:
    """Leaves over leaves."""
    page = Image.new("RGB", (width, height), (25, 45, 20))
    pen = ImageDraw.Draw(page)
    for step in range(700):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        size, angle = rng.uniform(0.015, 0.06) * width, rng.uniform(0, 2 * np.pi)
        green = 60 + 130 * step / 700 * rng.uniform(0.5, 1)
        colour = (int(green * rng.uniform(0.3, 0.8)), int(green), int(green * rng.uniform(0.2, 0.5)))
        along = np.array([np.cos(angle), np.sin(angle)]) * size
        across = np.array([-along[1], along[0]]) * 0.35
        at = np.array([x, y])
        leaf = [at - along, at + across, at + along, at - across]
        pen.polygon([(float(px), float(py)) for px, py in leaf], fill=colour)
    return np.asarray(page).copy()


NOTHING: dict[str, Maker] = {
    "flat": flat,
    "gradient": gradient,
    "grain": grain,
    "fabric": fabric,
    "landscape": landscape,
    "street": street,
    "page": page_of_text,
    "shapes": shapes,
    "shelf": shelf,
    "foliage": foliage,
}
"""Kinds of pictures without a figurine."""

_CROWDED = (street, shapes, shelf, foliage, fabric)


def clutter(rng: np.random.Generator, height: int, width: int) -> U8:
    """A background that nobody can cut a figurine from with ease."""
    maker = _CROWDED[int(rng.integers(0, len(_CROWDED)))]
    return maker(rng, height, width)


def _mixed(rng: np.random.Generator, field: F32) -> U8:
    one, other = rng.uniform(0, 255, 3), rng.uniform(0, 255, 3)
    return _levels(one * (1 - field[..., None]) + other * field[..., None])


def _levels(values: np.ndarray[tuple[int, ...], np.dtype[np.floating]]) -> U8:
    out: U8 = np.clip(np.round(values), 0, 255).astype(np.uint8)
    return out
