"""Levels of detail of a set of assets, measured against the surface that they stand for; and its collision bodies.

    python -m evaluation.lods ASSET.glb... [--faces 20000,5000,1000] [--truth FOLDER] [--collision hull,convex:8]

The finest level is the asset itself. FOLDER holds assets of the same names and more faces (`convert --faces 500000`
simplifies nothing); without it the asset itself is the surface.

Largest and mean deviation in mm; shading: the mean angle in degrees between the normals that a program shades with and
those of the surface, over four sides, without and with the normal map where there is one, and with one that is baked
for this level alone; outline: the shared part of the outlines of those sides; one pixel at: the figurine's height on
the screen at which the largest deviation from the asset is one pixel; takes over at: that, or less where the pictures
of level and asset differ by more than the limit (`slipcast.prepare.take_over`); there: how much they differ at that
height, of 255. Seconds are CPU seconds of one core for making the level, that difference included.
"""

# ruff: noqa: T201 - a command: it prints

import argparse
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from slipcast.core.values import Figurine, Mesh
from slipcast.formats.gltf.read_figurine import read_figurine
from slipcast.mesh.deviation import measure_deviation
from slipcast.mesh.normals import vertex_normals
from slipcast.pipeline.preview import Look, look_from
from slipcast.prepare.collision import CollisionOptions, make_collision
from slipcast.prepare.lods import Lod, LodOptions, make_lods
from slipcast.texture.normal_map import Frames
from slipcast.texture.rebake import bake_normal_map

SIDES_DEG = (0, 90, 180, 270)
_PX = 512


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


def _angle(looks: list[Look], wanted: list[Look]) -> float:
    """Mean angle where both show something, in degrees."""
    total, count = 0.0, 0
    for own, true in zip(looks, wanted, strict=True):
        both = own.shown & true.shown
        a, b = own.normal[both[own.shown]], true.normal[both[true.shown]]
        total += float(np.degrees(np.arccos(np.clip((a * b).sum(1), -1, 1))).sum())
        count += len(a)
    return total / max(count, 1)


def tell(level: Lod, surface: Figurine, seconds: float) -> str:
    """Return the row of one level in Markdown."""
    figurine = level.figurine
    tall = float(np.ptp(surface.mesh.vertices[:, 1]))
    deviation = measure_deviation(figurine.mesh, surface.mesh, height_m=tall)
    seen = compare(figurine, surface)
    own_map = replace(figurine, normal_map=bake_normal_map(figurine, surface))
    cells = [figurine.name, f"{len(figurine.mesh.faces)}"]
    cells += [
        f"{deviation.largest_m * 1000:.2f}",
        f"{deviation.mean_m * 1000:.3f}",
        f"{seen.shading_deg:.1f}",
    ]
    cells += ["-" if seen.mapped_deg is None else f"{seen.mapped_deg:.1f}"]
    cells += [f"{compare(own_map, surface).mapped_deg:.1f}", f"{seen.iou:.4f}"]
    if level.take_over is None:
        cells += ["-"] * 4
    else:
        cells += [f"{level.one_pixel_px:.0f} px", f"{level.switch_px:.0f} px"]
        cells += [f"{level.take_over.difference:.1f}", f"{seconds:.1f}"]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print both tables in Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("assets", nargs="+", type=Path)
    parser.add_argument("--faces", default="20000,5000,1000")
    parser.add_argument("--truth", type=Path)
    parser.add_argument("--collision", default="")
    asked = parser.parse_args()
    wanted = [int(word) for word in filter(None, asked.faces.split(","))]
    if wanted:
        shown = "faces | largest mm | mean mm | shading deg | with map | with its own | outline"
        print(f"| | {shown} | one pixel at | takes over at | there | s |\n|{'---|' * 12}")
    bodies = []
    for path in asked.assets:
        figurine = replace(read_figurine(path), name=path.stem)
        surface = read_figurine(asked.truth / path.name) if asked.truth else figurine
        if wanted and asked.truth:
            print(tell(make_lods(figurine, LodOptions(shares=(1.0,)))[0][0], surface, 0.0), flush=True)
        for faces in wanted:
            begun = time.process_time()
            share = faces / len(figurine.mesh.faces)
            lods, _ = make_lods(figurine, LodOptions(shares=(1.0, min(share, 0.99))))
            print(tell(lods[-1], surface, time.process_time() - begun), flush=True)
        for word in filter(None, asked.collision.split(",")):
            begun = time.process_time()
            made = make_collision(figurine.mesh, CollisionOptions.parse(word))
            assert made is not None
            most = max(len(hull.vertices) for hull in made.hulls)
            ground = min(float(hull.vertices[:, 1].min()) for hull in made.hulls)
            below = 1000 * (float(figurine.mesh.vertices[:, 1].min()) - ground)
            bodies.append(
                f"| {path.stem} | {word} | {len(made.hulls)} | {most} | {made.volume_ratio:.2f} | "
                f"{100 * made.contained:.2f} % | {max(below, 0):.2f} | {time.process_time() - begun:.1f} |"
            )
    if bodies:
        print(
            "\n| | kind | bodies | vertices, most | volume to the figurine's | holds | below ground mm | s |"
        )
        print("|---|---|---|---|---|---|---|---|")
        print("\n".join(bodies))


if __name__ == "__main__":
    main()
