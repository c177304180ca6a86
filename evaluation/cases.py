"""Folder -> Cases: pictures with the true mesh and the camera that took them.

Two layouts are known: the samples' (`NAME/case.json` beside the picture and the mesh that it names) and flat ones
(`NAME.png`, `NAME.gt.glb`, `NAME.case.json`, the mesh already in the picture's camera frame).
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from evaluation.shape import Shape, read_shape
from slipcast.core.errors import BadInput
from slipcast.core.values import F64, Camera, Cutout, DepthKind, ModelInfo, Picture, Shells, Source


@dataclass(frozen=True, kw_only=True)
class Case:
    """One picture and what is true of it."""

    name: str
    picture: Path
    truth: Path
    distance: float
    """From the origin of the camera frame to the camera, along +Z, in the mesh's unit."""
    fov_deg: float
    """Vertical."""
    target: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """The point of the mesh's own frame that is the camera frame's origin."""
    yaw_deg: float = 0.0
    """How far the camera went about the mesh's +Y: at 90 it stands at +X."""
    pitch_deg: float | None = None
    """How far it looked down at a mesh in the camera's frame; 0 for one that stands, None where nobody wrote it."""

    def true_shape(self) -> Shape:
        """The true mesh in the picture's camera frame; the last ones are kept, each with what its rays need."""
        return _true_shape(self)

    @property
    def turn(self) -> F64:
        """(3,3) from the mesh's own axes to the camera frame's."""
        angle = math.radians(-self.yaw_deg)
        cos, sin = math.cos(angle), math.sin(angle)
        return np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])


@lru_cache(maxsize=8)
def _true_shape(case: Case) -> Shape:
    return read_shape(case.truth).moved(-case.turn @ np.array(case.target), turn=case.turn)


def find_cases(folder: Path, *, views: bool = False) -> tuple[Case, ...]:
    """Return the cases in `folder`, by name; with `views` each picture of a turnaround is a case of its own.

    Raises BadInput when there are none or one of them is incomplete.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder} is not a folder; give one that holds cases, for instance samples")
    found: list[Case] = []
    for path in sorted(folder.glob("*.case.json")):
        name = path.name.removesuffix(".case.json")
        told = _told(path)
        found.append(
            Case(
                name=name,
                picture=_there(folder / f"{name}.png"),
                truth=_there(folder / f"{name}.gt.glb"),
                distance=_number(told, "distance", path),
                fov_deg=_number(told, "fov_deg", path),
                pitch_deg=_pitch(told, path),
            )
        )
    for path in sorted([*folder.glob("case.json"), *folder.glob("*/case.json")]):
        found += _sample(path, views=views)
    if not found:
        raise BadInput(f"{folder} holds no case: neither NAME/case.json nor NAME.case.json")
    return tuple(sorted(found, key=lambda case: case.name))


def find_turntables(folder: Path, sides: Sequence[str]) -> dict[str, dict[str, Case]]:
    """Return the figurines of `folder` and the case of each side; BadInput where none has all `sides`."""
    found: dict[str, dict[str, Case]] = {}
    for case in find_cases(folder, views=True):
        name, _, side = case.name.rpartition("-")
        found.setdefault(name, {})[side] = case
    whole = {name: cases for name, cases in found.items() if set(sides) <= set(cases)}
    if not whole:
        raise BadInput(f"{folder} holds no figurine with pictures of {', '.join(dict.fromkeys(sides))}")
    return whole


def true_depth(case: Case, side_px: int = 1024) -> Shells:
    """Both true shells as a perfect depth model would give them, in the mesh's unit, from the true camera."""
    shape = case.true_shape()
    camera = Camera.pinhole(side_px, side_px, case.fov_deg)
    # The camera's axes have y and z turned against the mesh's.
    rays = camera.rays().astype(np.float64) * [1.0, -1.0, -1.0]
    eye = np.broadcast_to([0.0, 0.0, case.distance], rays.shape)
    front = shape.hits(eye, rays)
    beyond = 2 * case.distance
    back = beyond - shape.hits(eye + rays * beyond, -rays)
    valid = np.isfinite(front) & np.isfinite(back)
    return Shells(
        front=np.where(valid, front, 0).astype(np.float32),
        back=np.where(valid, np.maximum(front, back), 0).astype(np.float32),
        valid=valid,
        camera=camera,
        kind=DepthKind.METRIC,
        back_source=Source.BACK_VIEW,
        model=ModelInfo(name="truth"),
    )


def true_cutout(picture: Picture, depth: Shells) -> Cutout:
    """The picture with the outline of its true depth; its colours are as they were photographed."""
    return Cutout(
        pixels=picture.pixels,
        alpha=(depth.valid * 255).astype(np.uint8),
        view=picture.view,
        source=picture.source,
        findings=picture.findings,
    )


def _sample(path: Path, *, views: bool) -> list[Case]:
    told, home = _told(path), path.parent
    target = told.get("target", [0.0, 0.0, 0.0])
    if not (
        isinstance(target, list) and len(target) == 3 and all(isinstance(x, int | float) for x in target)
    ):
        raise BadInput(f"{path}: target must be three numbers")
    pictures = [(home.name, str(told.get("picture", "front.png")), 0.0)]
    turned = told.get("views", {})
    if views and isinstance(turned, dict):
        pictures = [
            (f"{home.name}-{view}", str(entry["picture"]), float(entry["yaw_deg"]))
            for view, entry in turned.items()
            if (home / str(entry["picture"])).is_file()
        ] or pictures
    return [
        Case(
            name=name,
            picture=_there(home / picture),
            truth=_there(home / str(told.get("truth", "truth.glb"))),
            distance=_number(told, "distance", path),
            fov_deg=_number(told, "fov_deg", path),
            target=(float(target[0]), float(target[1]), float(target[2])),
            yaw_deg=yaw,
            pitch_deg=0.0,
        )
        for name, picture, yaw in pictures
    ]


def _told(path: Path) -> dict[str, object]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read as JSON ({error})") from error
    if not isinstance(told, dict):
        raise BadInput(f"{path} must hold an object")
    return told


def _number(told: dict[str, object], key: str, path: Path) -> float:
    value = told.get(key)
    if not isinstance(value, int | float) or isinstance(value, bool) or not value > 0:
        raise BadInput(f"{path}: {key} must be a positive number, got {value!r}")
    return float(value)


def _pitch(told: dict[str, object], path: Path) -> float | None:
    value = told.get("pitch_deg")
    if value is not None and (not isinstance(value, int | float) or isinstance(value, bool)):
        raise BadInput(f"{path}: pitch_deg must be a number, got {value!r}")
    return None if value is None else float(value)


def _there(path: Path) -> Path:
    if not path.is_file():
        raise BadInput(f"{path} is missing; a case needs its picture, its true mesh and its case.json")
    return path
