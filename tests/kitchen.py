"""What the tests of the command line share: how a run ended, and a cook in place of the pipeline who needs no time."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from slipcast.checks.gates import pass_gates
from slipcast.checks.mesh import Judged
from slipcast.checks.verdict import Check, verdict
from slipcast.core.findings import finding
from slipcast.core.values import (
    Camera,
    Cutout,
    Export,
    Figurine,
    Mesh,
    ModelInfo,
    Picture,
    PointCloud,
    Shells,
)
from slipcast.mesh.deviation import Deviation
from slipcast.mesh.topology import take_apart
from slipcast.pipeline import run as pipeline
from slipcast.pipeline.recipe import Recipe
from slipcast.pipeline.result import Result
from slipcast.pipeline.run import STAGES


class Ended(NamedTuple):
    """How a run of the command line ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Ended]
ROOT = Path(__file__).parents[1]
QUICK_TOML = Path(__file__).with_name("quick.toml")
QUICK = Recipe.from_toml(QUICK_TOML.read_text("utf-8"))
"""The whole pipeline with the least work."""


def cook(
    picture: Picture, recipe: Recipe, *, name: str, watch: pipeline.Watch | None = None, **_: object
) -> Result:
    """A result in no time: a closed tetrahedron of the height that was asked for."""
    for stage in STAGES:
        if watch:
            watch(stage, 0, 1)
            watch(stage, 1, 1)
    os.write(1, b"noise of a native library\n")
    os.write(2, b"more noise\n")
    height_m = recipe.place.height_m
    mesh = Mesh(
        vertices=np.array([[0, 0, 0], [0.01, 0, 0], [0, height_m, 0], [0, 0, 0.02]], dtype=np.float32),
        faces=np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]], dtype=np.int32),
        source=np.zeros(4, dtype=np.uint8),
    )
    seen = finding("DEPTH_MODEL", {"model": "dome", "reason": "a test"})
    figurine = Figurine(
        name=name, mesh=mesh, uv=np.zeros((4, 3, 2), dtype=np.float32), texture=picture, findings=(seen,)
    )
    camera = Camera.pinhole(picture.width_px, picture.height_px)
    shape = (picture.height_px, picture.width_px)
    depth = Shells(
        front=np.ones(shape, dtype=np.float32),
        back=np.ones(shape, dtype=np.float32),
        valid=np.ones(shape, dtype=np.bool_),
        camera=camera,
        model=ModelInfo(name="dome"),
    )
    checks = (Check(name="iou", score=0.3, values={"iou": 0.86}),)
    passages = pass_gates(checks, recipe.gates)
    return Result(
        figurine=figurine,
        original=picture,
        picture=Cutout(pixels=picture.pixels, alpha=np.full(shape, 255, np.uint8), source=picture.source),
        checks=checks,
        judged=Judged(
            checks=checks,
            mesh=figurine.mesh,
            welded=take_apart(figurine.mesh),
            wanted=depth.valid,
            drawn=depth.valid,
        ),
        deviation=Deviation(largest_m=0.0001, mean_m=0.00001),
        passages=passages,
        depth=depth,
        cloud=PointCloud(
            points=np.zeros((1, 3), np.float32),
            normals=np.array([[0, 0, 1]], np.float32),
            colors=np.zeros((1, 3), np.uint8),
            source=np.zeros(1, np.uint8),
        ),
        exports={key: Export(files={f"{name}.{key}": f"{key} of {name}".encode()}) for key in recipe.formats},
        preview=b"PNG",
        metadata={
            "name": name,
            "source": dict(picture.source),
            "gates": [passage.as_dict() for passage in passages],
            "verdict": verdict(checks).value,
            "files": {f"{name}.{key}": len(f"{key} of {name}") for key in recipe.formats},
            "findings": [seen.as_dict()],
        },
        seconds=dict.fromkeys(STAGES, 0.001),
    )


def write_picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((64, 48, 3), 255, dtype=np.uint8)
    pixels[8:56, 16:32] = (200, 40, 40)
    Image.fromarray(pixels).save(path)
    return path


def small_knight(size_px: int) -> Image.Image:
    """The sample's knight, small and already cut out of its even ground: a whole conversion of it at 80 px takes a
    quarter of what 256 px with a ground take, since no network is asked and few rays are solved."""
    with Image.open(ROOT / "samples" / "knight" / "front.png") as picture:
        pixels = np.asarray(picture.convert("RGB").resize((size_px, size_px)))
    apart = np.abs(pixels.astype(np.int16) - pixels[0, 0]).max(axis=2)
    return Image.fromarray(np.dstack([pixels, np.where(apart > 24, 255, 0).astype(np.uint8)]))


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def one_sentence(text: str) -> bool:
    return text.startswith("slipcast: ") and text.count("\n") == 1 and "Traceback" not in text
