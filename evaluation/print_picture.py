"""Draw prints: in their colours, their walls, their overhangs and islands, and the hollow one cut open.

    python -m evaluation.print_picture docs/print.jpg NAME.glb...

A row for each asset: three pictures of `--for fdm --base auto --colors 4`, and of `--for resin --hollow 2mm` the half
that lies left of the middle.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from evaluation.print_set import PROCESSES
from slipcast.core.values import U8
from slipcast.formats.gltf.read_figurine import read_figurine
from slipcast.mesh.thickness import measure_thickness
from slipcast.prepare.body import MM, read_surface
from slipcast.prepare.draw import draw_faces
from slipcast.prepare.inspect_print import PROCESSES as LIMITS
from slipcast.prepare.print import print_figurine
from slipcast.report.print_page import color_overhangs, color_thickness, cut_open

_SIDE_PX = 300


def draw_row(asset: Path) -> U8:
    """Return the pictures of one asset beside each other."""
    figurine = read_figurine(asset)
    made = print_figurine(figurine, PROCESSES["fdm"])
    painted, surface = made.painted[0], read_surface(made.parts[0].body)
    own = np.array(painted.palette.colors, np.uint8)[painted.index]
    walls = measure_thickness(surface.as_mesh()).per_face_m.astype(np.float64)
    heat = color_thickness(walls, LIMITS["fdm"].wall_mm / MM)
    hanging = color_overhangs(surface.vertices_mm, surface.faces)
    marks = [spot.at_mm for spot in made.reports[0].layers.islands]
    shots = [
        draw_faces(painted.surface.vertices_mm, painted.surface.faces, own, side_px=_SIDE_PX),
        draw_faces(surface.vertices_mm, surface.faces, heat, side_px=_SIDE_PX),
        draw_faces(surface.vertices_mm, surface.faces, hanging, side_px=_SIDE_PX, pitch_deg=-20, marks=marks),
    ]
    cut = cut_open(print_figurine(figurine, PROCESSES["resin"]).parts[0].body)
    if cut is not None:
        shots.append(cv2.resize(cut, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA).astype(np.uint8))
    return np.concatenate(shots, axis=1)


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("assets", nargs="+", type=Path)
    asked = parser.parse_args()
    Image.fromarray(np.concatenate([draw_row(asset) for asset in asked.assets])).save(asked.out, quality=88)


if __name__ == "__main__":
    main()
