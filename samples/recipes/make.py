"""Builds samples: `python make.py [NAME...] [--into FOLDER] [--missing]`, with the Python that has bpy (scripts/make-samples).

For each figurine: six pictures, the true mesh, recipe.toml and case.json; at the end the contact sheet.
"""

from __future__ import annotations

import argparse
import json
import struct
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bpy
import numpy as np
from build import Part, mesh_part, unite
from catalogue import FIGURINES, Figurine
from PIL import Image
from shapes import Array
from studio import FOV_DEG, SIZE_PX, STRAIGHT, VIEWS, develop, linear, photograph

FACES = 20_000
FILL = 0.9
"""Share of the frame's height or width that the figurine takes at most, in any of the four views."""
LOW, HIGH = np.array([-62.0, -6.0, -62.0]), np.array([62.0, 112.0, 62.0])


def make(name: str, figurine: Figurine, folder: Path, only_missing: bool) -> None:
    views = [v for v in VIEWS if not (only_missing and (folder / file_of(v)).exists())]
    if not views:
        return
    started = time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        surfaces = list(pool.map(lambda part: mesh_part(part, LOW, HIGH), figurine.parts()))
    mesh, owner = unite(surfaces, FACES)
    low, high = mesh.bounds
    scale = figurine.height_mm / (high[1] - low[1]) / 1000
    shift = -np.array([(low[0] + high[0]) / 2, low[1], (low[2] + high[2]) / 2])
    vertices = (np.asarray(mesh.vertices) + shift) * scale
    distance = camera_distance(vertices)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "truth.glb").write_bytes(
        glb(vertices, np.asarray(mesh.faces), owner, [s.part for s in surfaces])
    )
    (folder / "recipe.toml").write_text(recipe(name, figurine, distance))
    (folder / "case.json").write_text(json.dumps(case(figurine, distance), indent=1) + "\n")
    print(
        f"{name}: {len(surfaces)} parts of {sum(len(s.faces) for s in surfaces)} faces; one mesh of "
        f"{len(mesh.faces)}, closed {mesh.is_watertight}, {np.round(np.ptp(vertices, 0) * 1000, 1)} mm; "
        f"camera {distance:.4f} m; {time.perf_counter() - started:.0f} s",
        flush=True,
    )
    height = figurine.height_mm / 1000
    for view, rgba in photograph(
        surfaces, scale, shift, distance, height, figurine.floor, figurine.samples, views
    ):
        picture = Image.fromarray(develop(rgba, figurine.background))
        if view in STRAIGHT:
            picture.save(folder / file_of(view), optimize=True)
        else:
            picture.save(folder / file_of(view), lossless=True, method=6, quality=100, exact=True)
        print(f"{name}: {view} at {time.perf_counter() - started:.0f} s", flush=True)


def file_of(view: str) -> str:
    """The file's name: diagonal sides are lossless WebP, two thirds of the size; the first four are PNG as ever."""
    return f"{view}.png" if view in STRAIGHT else f"{view}.webp"


def camera_distance(vertices: Array) -> float:
    """The distance (m) at which the figurine fills FILL of the frame in the tightest of the four straight views."""
    middle = vertices - [0, np.ptp(vertices[:, 1]) / 2, 0]
    half = np.tan(np.radians(FOV_DEG) / 2) * FILL
    needed = []
    for yaw in np.radians(list(STRAIGHT.values())):
        across = middle[:, 0] * np.cos(yaw) - middle[:, 2] * np.sin(yaw)
        towards = middle[:, 0] * np.sin(yaw) + middle[:, 2] * np.cos(yaw)
        needed.append((np.maximum(np.abs(across), np.abs(middle[:, 1])) / half + towards).max())
    return round(float(max(needed)), 4)


def case(figurine: Figurine, distance: float) -> dict[str, object]:
    """The evaluation case of the front picture; see samples/README.md for the words."""
    return {
        "yaw_deg": 0,
        "pitch_deg": 0,
        "fov_deg": FOV_DEG,
        "background": figurine.background,
        "distance": distance,
        "target": [0.0, round(figurine.height_mm / 2000, 6), 0.0],
        "height_mm": figurine.height_mm,
        "picture": "front.png",
        "truth": "truth.glb",
        "views": {view: {"picture": file_of(view), "yaw_deg": yaw} for view, yaw in VIEWS.items()},
    }


def recipe(name: str, figurine: Figurine, distance: float) -> str:
    pairs = {
        "name": name,
        "title": figurine.title,
        "what": figurine.what,
        "recipe": f"samples/recipes/{figurine.module}.py:{figurine.parts.__name__}",
        "height_mm": figurine.height_mm,
        "lens_mm": 85,
        "fov_deg": FOV_DEG,
        "camera_distance_m": distance,
        "camera_height_mm": figurine.height_mm / 2,
        "yaw_deg": dict(VIEWS),
        "background": figurine.background,
        "floor_shadow": figurine.floor,
        "picture_px": SIZE_PX,
        "cycles_samples": figurine.samples,
        "faces_max": FACES,
        "licence": "Apache-2.0",
        "made_with": f"Blender {bpy.app.version_string} (bpy), Cycles on the CPU, OpenImageDenoise",
    }
    return "".join(f"{key} = {_toml(value)}\n" for key, value in pairs.items())


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)


def glb(vertices: Array, faces: Array, owner: Array, parts: list[Part]) -> bytes:
    """One primitive with vertex colours; a vertex where colours meet is stored once for each colour."""
    keys, index = np.unique(np.stack([faces.ravel(), np.repeat(owner, 3)], 1), axis=0, return_inverse=True)
    position = vertices[keys[:, 0]].astype("<f4")
    colours = np.stack([linear(p.colour) for p in parts])[keys[:, 1]]
    colour = np.round(np.concatenate([colours, np.ones((len(keys), 1))], 1) * 65535).astype("<u2")
    triangles = index.astype("<u2" if len(keys) < 65535 else "<u4").ravel()
    chunks = [position.tobytes(), colour.tobytes(), triangles.tobytes()]
    views, offset = [], 0
    for chunk, target in zip(chunks, (34962, 34962, 34963), strict=True):
        views.append({"buffer": 0, "byteOffset": offset, "byteLength": len(chunk), "target": target})
        offset += len(chunk) + -len(chunk) % 4
    body = b"".join(c + b"\0" * (-len(c) % 4) for c in chunks)
    document = {
        "asset": {"version": "2.0", "generator": "slipcast samples", "copyright": "Slipcast, Apache-2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": "truth"}],
        "meshes": [
            {"primitives": [{"attributes": {"POSITION": 0, "COLOR_0": 1}, "indices": 2, "material": 0}]}
        ],
        "materials": [{"pbrMetallicRoughness": {"metallicFactor": 0, "roughnessFactor": 0.6}}],
        "accessors": [
            {
                "bufferView": 0,
                "componentType": 5126,
                "count": len(keys),
                "type": "VEC3",
                "min": position.min(0).tolist(),
                "max": position.max(0).tolist(),
            },
            {"bufferView": 1, "componentType": 5123, "normalized": True, "count": len(keys), "type": "VEC4"},
            {
                "bufferView": 2,
                "componentType": 5123 if triangles.itemsize == 2 else 5125,
                "count": len(triangles),
                "type": "SCALAR",
            },
        ],
        "bufferViews": views,
        "buffers": [{"byteLength": len(body)}],
    }
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    head = struct.pack("<III", 0x46546C67, 2, 12 + 8 + len(text) + 8 + len(body))
    return (
        head
        + struct.pack("<II", len(text), 0x4E4F534A)
        + text
        + struct.pack("<II", len(body), 0x004E4942)
        + body
    )


def contact_sheet(folder: Path, cell_px: int = 176) -> None:
    """All samples in one picture: a column for each figurine, its four views below each other."""
    names = [n for n in FIGURINES if (folder / n / "front.png").exists()]
    sheet = Image.new("RGB", (cell_px * len(names), cell_px * len(STRAIGHT)), "white")
    for column, name in enumerate(names):
        for row, view in enumerate(STRAIGHT):
            if not (folder / name / f"{view}.png").exists():
                continue
            picture = Image.open(folder / name / f"{view}.png").convert("RGBA")
            under = Image.new("RGBA", picture.size, "white")
            under.alpha_composite(picture)
            small = under.convert("RGB").resize((cell_px, cell_px), Image.Resampling.LANCZOS)
            sheet.paste(small, (column * cell_px, row * cell_px))
    sheet.save(folder / "contact.png", optimize=True)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("names", nargs="*", choices=[*FIGURINES, []])
    arguments.add_argument("--into", type=Path, default=Path(__file__).parent.parent)
    arguments.add_argument("--missing", action="store_true", help="only pictures that are not there yet")
    a = arguments.parse_args()
    for name in a.names or FIGURINES:
        make(name, FIGURINES[name], a.into / name, a.missing)
    contact_sheet(a.into)
    return 0


if __name__ == "__main__":
    sys.exit(main())
