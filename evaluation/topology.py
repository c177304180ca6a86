"""A figurine in fewer faces three ways, measured against itself: today's collapse, triangles, quads.

    python -m evaluation.topology ASSET.glb... [--faces 20000,5000]

Largest and mean deviation in mm; shading: the mean angle in degrees to the finest's over four sides, without and with
the normal map; outline: the shared part of the outlines; spread: of the edges' lengths (deviation over mean, without
the diagonals of quads); regular: share of corners at which six triangles, or four quads, meet; seconds are CPU seconds
of one core, child processes included.
"""

# ruff: noqa: T201 - a command: it prints

import argparse
import os
from pathlib import Path

import numpy as np

from evaluation.lods import compare
from slipcast.core.values import Figurine, Mesh
from slipcast.formats.gltf.read_figurine import read_figurine
from slipcast.mesh.deviation import measure_deviation
from slipcast.prepare.lods import LodOptions, make_lods
from slipcast.prepare.topology import TopologyOptions, change_topology


def spread_of(mesh: Mesh) -> float:
    """Deviation over mean of the lengths of edges."""
    corner = mesh.vertices[mesh.faces].astype(np.float64)
    length = np.linalg.norm(corner - np.roll(corner, -1, axis=1), axis=2)
    keep = np.ones(length.shape, bool)
    keep[: 2 * mesh.quads : 2, 2] = False
    keep[1 : 2 * mesh.quads : 2, 0] = False
    return float(length[keep].std() / length[keep].mean())


def regular_of(mesh: Mesh) -> float:
    """Share of corners with as many faces as a regular grid has."""
    halves = mesh.faces[: 2 * mesh.quads].reshape(-1, 6)[:, [0, 1, 2, 5]]
    around = [halves.ravel(), mesh.faces[2 * mesh.quads :].ravel()]
    count = np.bincount(np.concatenate(around), minlength=len(mesh.vertices))
    return float((count == (4 if mesh.quads else 6)).mean())


def make(figurine: Figurine, way: str, faces: int) -> Figurine | None:
    """The figurine in at most `faces` triangles; None where a way refuses."""
    if way == "collapse":
        lods, _ = make_lods(figurine, LodOptions(shares=(1.0, faces / len(figurine.mesh.faces))))
        return lods[-1].figurine
    made, found = change_topology(figurine, TopologyOptions(kind=way, faces=faces))
    return None if found else made


def main() -> None:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("assets", nargs="+", type=Path)
    parser.add_argument("--faces", default="20000,5000")
    asked = parser.parse_args()
    print(
        "| | way | faces | quads | largest mm | mean mm | shading deg | with map | outline | spread | regular | s |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for path in asked.assets:
        figurine = read_figurine(path)
        height_m = float(np.ptp(figurine.mesh.vertices[:, 1]))
        for faces in (int(word) for word in asked.faces.split(",")):
            for way in ("collapse", "triangles", "quads"):
                begun = os.times()
                made = make(figurine, way, faces)
                seconds = sum(os.times()[:4]) - sum(begun[:4])
                if made is None:
                    print(f"| {path.stem} | {way} | refused at {faces} ||||||||| {seconds:.1f} |", flush=True)
                    continue
                off = measure_deviation(made.mesh, figurine.mesh, height_m=height_m)
                seen = compare(made, figurine)
                mapped = "-" if seen.mapped_deg is None else f"{seen.mapped_deg:.1f}"
                print(
                    f"| {path.stem} | {way} | {len(made.mesh.faces)} | {made.mesh.quads} | "
                    f"{off.largest_m * 1000:.2f} | {off.mean_m * 1000:.3f} | {seen.shading_deg:.1f} | {mapped} | "
                    f"{seen.iou:.4f} | {spread_of(made.mesh):.2f} | {100 * regular_of(made.mesh):.0f} % | "
                    f"{seconds:.1f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
