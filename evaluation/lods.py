"""Levels of detail of a set of assets, measured against the finest; and its collision bodies.

    python -m evaluation.lods ASSET.glb... [--faces 20000,5000,1000] [--collision hull,convex:8]

Largest and mean deviation in mm; shading: the mean angle in degrees between the normals that a program shades with and
those of the finest level, over four sides, without and with the normal map where there is one, and with one that is
baked for this level alone; outline: the shared part
of the outlines of those sides; «there»: the mean difference of colour (of 255) to the finest, both lit by one lamp and
as high as the one-pixel height. Seconds are CPU seconds of one core for making the level.
"""

# ruff: noqa: T201 - a command: it prints

import argparse
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from slipcast.core.values import Figurine, Mesh
from slipcast.formats.gltf.read_figurine import read_figurine
from slipcast.mesh.normals import vertex_normals
from slipcast.mesh.sample import sample
from slipcast.pipeline.preview import Look, look_from
from slipcast.prepare.collision import CollisionOptions, make_collision
from slipcast.prepare.lods import LodOptions, make_lods
from slipcast.texture.normal_map import Frames
from slipcast.texture.rebake import bake_normal_map

SIDES_DEG = (0, 90, 180, 270)
_PX = 512
_LAMP = np.array([0.3, 0.5, 0.81])


@dataclass(frozen=True, kw_only=True)
class Measured:
    """How a level looks beside the finest."""

    shading_deg: float
    mapped_deg: float | None
    """With the normal map; None without one."""
    iou: float


def look_around(figurine: Figurine, box: np.ndarray) -> tuple[list[Look], list[Look]]:
    """The figurine from its four sides, without and with its normal map; `box` (2,3) frames all levels alike."""
    mesh = figurine.mesh
    framed = Mesh(
        vertices=np.concatenate([mesh.vertices, box.astype(np.float32)]), faces=mesh.faces, source=mesh.source
    )
    normals = np.concatenate([vertex_normals(mesh.vertices, mesh.faces), np.zeros((2, 3))]).astype(np.float64)
    plain = [look_from(framed, normals, _PX, _PX, yaw_deg=yaw) for yaw in SIDES_DEG]
    if figurine.normal_map is None:
        return plain, plain
    frames = Frames(figurine)
    return plain, [look.with_relief(frames) for look in plain]


def compare(level: Figurine, finest: Figurine) -> Measured:
    """Return how `level` is shaded and outlined beside `finest`, with its own normal map where it has one."""
    box = np.stack([finest.mesh.vertices.min(0), finest.mesh.vertices.max(0)])
    wanted_plain, wanted = look_around(finest, box)
    plain, mapped = look_around(level, box)
    shared = sum(int((a.shown & b.shown).sum()) for a, b in zip(plain, wanted, strict=True))
    either = sum(int((a.shown | b.shown).sum()) for a, b in zip(plain, wanted, strict=True))
    true = wanted_plain if finest.normal_map is None else wanted
    return Measured(
        shading_deg=_angle(plain, true),
        mapped_deg=_angle(mapped, true) if level.normal_map is not None else None,
        iou=shared / max(either, 1),
    )


def differ_at(level: Figurine, finest: Figurine, px: int) -> float:
    """Return the mean difference (0 to 255, over all that either shows) of both in colour, `px` high, from four sides.

    Each pixel is the mean of 4 x 4 places, as a screen filters.
    """
    box = np.stack([finest.mesh.vertices.min(0), finest.mesh.vertices.max(0)])
    total, count, fine = 0.0, 0, 4 * px
    for yaw in SIDES_DEG:
        pictures = []
        for figurine in (level, finest):
            mesh = figurine.mesh
            framed = Mesh(
                vertices=np.concatenate([mesh.vertices, box.astype(np.float32)]),
                faces=mesh.faces,
                source=mesh.source,
            )
            normals = np.concatenate([vertex_normals(mesh.vertices, mesh.faces), np.zeros((2, 3))])
            look = look_from(framed, normals.astype(np.float64), fine, fine, yaw_deg=yaw)
            uv = np.einsum("nk,nkc->nc", look.weights, figurine.uv[look.face])
            light = 0.35 + 0.65 * np.clip(look.normal @ _LAMP, 0, 1)
            picture = np.full((fine, fine, 3), 255.0)
            picture[look.shown] = sample(figurine.texture.pixels, uv.astype(np.float32)) * light[:, None]
            pictures.append((_reduce(picture), _reduce(look.shown[..., None])[..., 0] > 0))
        (one, a), (other, b) = pictures
        total += float(np.abs(one - other).mean(2)[a | b].sum())
        count += int((a | b).sum())
    return total / max(count, 1)


def _reduce(picture: np.ndarray) -> np.ndarray:
    """(H/4,W/4,C) means of 4 x 4."""
    height, width, channels = picture.shape
    out: np.ndarray = picture.reshape(height // 4, 4, width // 4, 4, channels).mean(axis=(1, 3))
    return out


def _angle(looks: list[Look], wanted: list[Look]) -> float:
    """Mean angle where both show something, in degrees."""
    total, count = 0.0, 0
    for own, true in zip(looks, wanted, strict=True):
        both = own.shown & true.shown
        a, b = own.normal[both[own.shown]], true.normal[both[true.shown]]
        total += float(np.degrees(np.arccos(np.clip((a * b).sum(1), -1, 1))).sum())
        count += len(a)
    return total / max(count, 1)


def main() -> None:
    """Print both tables in Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("assets", nargs="+", type=Path)
    parser.add_argument("--faces", default="20000,5000,1000")
    parser.add_argument("--collision", default="")
    asked = parser.parse_args()
    wanted = [int(word) for word in filter(None, asked.faces.split(","))]
    heads = "faces | largest mm | mean mm | shading deg | with map | with its own | outline | one pixel at | there | s"
    print(f"| | {heads} |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    bodies = []
    for path in asked.assets:
        figurine = replace(read_figurine(path), name=path.stem)
        finest = figurine
        for faces in wanted:
            begun = time.process_time()
            share = faces / len(figurine.mesh.faces)
            # Level by level, each from the one before, as a user's chain is made.
            lods, _ = make_lods(finest, LodOptions(shares=(1.0, min(share, 0.99))))
            seconds = time.process_time() - begun
            level = lods[-1]
            seen = compare(level.figurine, figurine)
            own_map = replace(level.figurine, normal_map=bake_normal_map(level.figurine, figurine))
            own = f"{compare(own_map, figurine).mapped_deg:.1f}"
            there = differ_at(level.figurine, figurine, int(np.clip(level.switch_px, 16, 1080)))
            mapped = "-" if seen.mapped_deg is None else f"{seen.mapped_deg:.1f}"
            print(
                f"| {path.stem} | {len(level.figurine.mesh.faces)} | {level.deviation.largest_m * 1000:.2f} | "
                f"{level.deviation.mean_m * 1000:.3f} | {seen.shading_deg:.1f} | {mapped} | {own} | "
                f"{seen.iou:.4f} | {level.switch_px:.0f} px | {there:.1f} | {seconds:.1f} |",
                flush=True,
            )
        for word in filter(None, asked.collision.split(",")):
            begun = time.process_time()
            made = make_collision(figurine.mesh, CollisionOptions.parse(word))
            assert made is not None
            bodies.append(
                f"| {path.stem} | {word} | {len(made.hulls)} | {max(len(hull.vertices) for hull in made.hulls)} | "
                f"{made.volume_ratio:.2f} | {100 * made.contained:.2f} % | {time.process_time() - begun:.1f} |"
            )
    if bodies:
        print("\n| | kind | bodies | vertices, most | volume to the figurine's | holds | s |")
        print("|---|---|---|---|---|---|---|")
        print("\n".join(bodies))


if __name__ == "__main__":
    main()
