"""scripts/golden: facts about what the product makes of the samples, kept as JSON, so that a change of them is seen.

    scripts/golden                       # measure all samples and rewrite tests/golden (some minutes)
    scripts/golden knight owl            # these samples
    scripts/golden --check               # measure and compare, write nothing; exit code 1 where a fact has moved
    scripts/golden --detail draft        # one detail alone

Each sample is made twice for each detail: from its picture, as a user would, and from its true depth, which shows what
the geometry does without a model's noise. The tests compare the facts of `--detail draft` in every run.

Facts are compared within `TOLERANCES`, which hold on another machine too. On the machine that wrote them the values of
the stages are the same to the bit: `--check` then also compares their sums, which proves that moved code is unchanged.
"""

# ruff: noqa: T201 - a command: it prints

import argparse
import hashlib
import json
import platform
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.cases import Case, find_cases, true_cutout, true_depth
from evaluation.colors import SIDE_PX, photograph, to_lab, true_view
from evaluation.protocol import score
from evaluation.shape import Shape
from slipcast.core.findings import Finding
from slipcast.core.values import Camera, Cutout, Figurine, Mesh, PointCloud, Shells
from slipcast.depth.place import place, settle
from slipcast.mesh.deviation import measure_deviation
from slipcast.mesh.sample import sample as sample_texture
from slipcast.mesh.topology import closedness, count_bodies, face_normals, source_shares
from slipcast.picture.decode import read_picture
from slipcast.pipeline.recipe import Recipe
from slipcast.pipeline.run import run
from slipcast.reconstruct.points import PointOptions, make_points
from slipcast.reconstruct.reconstruct import reconstruct
from slipcast.reconstruct.simplify import simplify
from slipcast.texture.paint import paint

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "golden"
SAMPLES = ROOT / "samples"
DETAILS = ("draft", "standard", "fine")
STARTS = ("truth", "picture")
"""Where a sample is made from: its true depth, or its picture."""
_POINTS = 20_000
"""Points of each surface for the scores."""
_VIEWS = {"front": 0.0, "left": 90.0, "back": 180.0, "right": 270.0}

TOLERANCES: dict[str, float] = {
    "vertices": 0.001,
    "faces": 0.001,
    "volume_mm3": 0.0003,
    "area_mm2": 0.0005,
    "box_mm": 0.0005,
    "bodies": 0,
    "closed": 0,
    "share_": -0.002,
    "angle_deg": -0.03,
    "mesh_angle_deg": -0.1,
    "mesh_area_mm2": 0.002,
    "mesh_volume_mm3": 0.001,
    "crossing": -3,
    "deviation_max_mm": 0.3,
    "deviation_mean_mm": 0.03,
    "cd": -0.0015,
    "f05": -0.012,
    "nc": -0.006,
    "iou": -0.002,
    "rim_rgb": -0.3,
    "surface_rgb": -0.5,
    "lab_": -0.1,
}
"""How far a fact may be off: a share of its size or, where negative, that much itself. A name that ends in `_` is for
all facts that begin with it; what is not listed must be equal."""


@dataclass(frozen=True, kw_only=True)
class _Stages:
    """The values between the stages that facts are about."""

    cut: Cutout
    depth: Shells
    cloud: PointCloud
    figurine: Figurine
    deviation_mm: tuple[float, float]
    findings: tuple[Finding, ...]


def measure(sample: str, start: str, detail: str) -> dict[str, Any]:
    """Return the facts of one sample, made from `start` at `detail`; numbers have five digits that count."""
    case = _case(sample)
    made = _from_truth(case, detail) if start == "truth" else _from_picture(case, detail)
    assert made.cloud.joins is not None
    surface = Mesh(
        vertices=made.cloud.points,
        faces=made.cloud.joins,
        source=np.full(len(made.cloud.joins), 2, np.uint8),
    )
    facts: dict[str, Any] = {
        "cutout": _cutout(made.cut),
        "surface": _surface(surface, made.cloud),
        "mesh": _mesh(made.figurine.mesh, made.deviation_mm),
        "texture": _texture(case, made.figurine),
        "findings": sorted(f"{code} x{count}" for code, count in _codes(made.findings).items()),
    }
    facts["surface"] |= {"angle_deg": _angle_deg(case, surface, made.depth)} if start == "truth" else {}
    facts["mesh"] |= _scores(case, made.figurine.mesh)
    sums = {
        "cutout": _sum(made.cut.pixels, made.cut.alpha),
        "depth": _sum(made.depth.front, made.depth.back),
        "surface": _sum(made.cloud.points, made.cloud.joins),
        "mesh": _sum(made.figurine.mesh.vertices, made.figurine.mesh.faces, made.figurine.mesh.source),
        "texture": _sum(made.figurine.texture.pixels, made.figurine.uv),
    }
    rounded: dict[str, Any] = _rounded(facts)
    return rounded | {"sha256": sums}


@cache
def _case(sample: str) -> Case:
    return next(case for case in find_cases(SAMPLES) if case.name == sample)


def _from_picture(case: Case, detail: str) -> _Stages:
    recipe = Recipe(points=PointOptions(detail=detail))
    result = run(read_picture(case.picture), recipe, name=case.name)
    return _Stages(
        cut=result.picture,
        depth=result.depth,
        cloud=result.cloud,
        figurine=result.figurine,
        deviation_mm=(result.deviation.largest_m * 1000, result.deviation.mean_m * 1000),
        findings=result.figurine.findings,
    )


def _from_truth(case: Case, detail: str) -> _Stages:
    recipe = Recipe(points=PointOptions(detail=detail))
    picture = read_picture(case.picture)
    depth = true_depth(case, picture.height_px)
    cut = true_cutout(picture, depth)
    depth = place(depth, cut, recipe.place)
    cloud = make_points(depth, cut, recipe.points)
    raw = reconstruct(cloud, depth, recipe.surface)
    solid = simplify(raw, depth, recipe.simplify)
    solid, raw, settled = settle(solid, raw, depth, recipe.place)
    deviation = measure_deviation(solid, raw, height_m=recipe.place.height_m, ground_m=0.0)
    figurine = paint(solid, settled, cut, recipe.texture, name=case.name)
    return _Stages(
        cut=cut,
        depth=depth,
        cloud=cloud,
        figurine=figurine,
        deviation_mm=(deviation.largest_m * 1000, deviation.mean_m * 1000),
        findings=figurine.findings,
    )


def _cutout(cut: Cutout) -> dict[str, Any]:
    """How much is cut out, and the colour of its outermost pixels."""
    assert cut.alpha is not None
    solid = cut.alpha >= 128
    around = np.pad(solid, 1, mode="edge")
    inner = around[2:, 1:-1] & around[:-2, 1:-1] & around[1:-1, 2:] & around[1:-1, :-2]
    return {
        "share_figurine": float(cut.alpha.mean()) / 255,
        "rim_rgb": [float(value) for value in cut.pixels[solid & ~inner].mean(0)],
    }


def _surface(surface: Mesh, cloud: PointCloud) -> dict[str, Any]:
    """The surface before it is simplified."""
    shares = np.bincount(cloud.source, minlength=4) / len(cloud.source)
    return {
        "vertices": len(surface.vertices),
        "faces": len(surface.faces),
        "bodies": count_bodies(surface),
        **_sizes(surface),
        "share_seen": float(shares[0]),
        "share_back": float(shares[1] + shares[3]),
    }


def _mesh(mesh: Mesh, deviation_mm: tuple[float, float]) -> dict[str, Any]:
    """The finished mesh."""
    sizes = _sizes(mesh)
    shares = source_shares(mesh)
    return {
        "faces": len(mesh.faces),
        "bodies": count_bodies(mesh),
        "closed": closedness(mesh).closed,
        "box_mm": sizes["box_mm"],
        "mesh_volume_mm3": sizes["volume_mm3"],
        "mesh_area_mm2": sizes["area_mm2"],
        **{f"share_{kind.name.lower()}": share for kind, share in shares.items()},
        "deviation_max_mm": deviation_mm[0],
        "deviation_mean_mm": deviation_mm[1],
    }


def _sizes(mesh: Mesh) -> dict[str, Any]:
    return {
        "box_mm": [float(value) for value in np.ptp(mesh.vertices.astype(np.float64), axis=0) * 1000],
        "volume_mm3": closedness(mesh).volume_m3 * 1e9,
        "area_mm2": float(face_normals(mesh.vertices, mesh.faces)[1].sum()) * 1e6,
    }


def _scores(case: Case, mesh: Mesh) -> dict[str, float]:
    """Against the true mesh: evaluation/protocol.py."""
    got = score(
        _shape(mesh),
        case.true_shape(),
        distance=case.distance,
        fov_deg=case.fov_deg,
        samples=_POINTS,
        workers=1,
    )
    return {name: getattr(got, name) for name in ("cd", "f05", "nc", "iou", "crossing")}


def _angle_deg(case: Case, surface: Mesh, depth: Shells) -> float:
    """Mean angle between the surface's normals and the true ones, on rays that meet both within 1 % of the height."""
    rays = Camera.pinhole(SIDE_PX, SIDE_PX, case.fov_deg).rays().astype(np.float64) * [1.0, -1.0, -1.0]
    true = case.true_shape()
    eye = np.array([0.0, 0.0, case.distance])
    turn, shift = depth.camera.camera_from_world[:3, :3], depth.camera.camera_from_world[:3, 3]
    our_eye = -shift @ turn
    scale = float(np.ptp(surface.vertices[:, 1])) / float(np.ptp(true.vertices[:, 1]))
    ours = _shape(surface)
    start, own_start = np.broadcast_to(eye, rays.shape), np.broadcast_to(our_eye, rays.shape)
    wanted, found = true.hits(start, rays) * scale, ours.hits(own_start, rays)
    near = np.isfinite(wanted) & np.isfinite(found)
    near[near] = np.abs(wanted[near] - found[near]) < 0.01 * np.ptp(surface.vertices[:, 1])
    one, other = true.normals_at(start, rays)[near], ours.normals_at(own_start, rays)[near]
    return float(np.degrees(np.arccos(np.clip((one * other).sum(1), -1, 1))).mean())


def _mean_color(figurine: Figurine) -> list[float]:
    """The mean colour of the surface: of the atlas's pixels it would hang on how another processor packs the charts."""
    _, area = face_normals(figurine.mesh.vertices, figurine.mesh.faces)
    colors = sample_texture(figurine.texture.pixels, figurine.uv.mean(1))
    return [float(value) for value in (colors * area[:, None]).sum(0) / area.sum()]


def _texture(case: Case, figurine: Figurine) -> dict[str, Any]:
    """The atlas, and how far its colours are from the true pictures', in CIE Lab, where both show the figurine."""
    facts: dict[str, Any] = {
        "size_px": [figurine.texture.width_px, figurine.texture.height_px],
        "surface_rgb": _mean_color(figurine),
        "has_normal_map": figurine.normal_map is not None,
    }
    for view, yaw_deg in _VIEWS.items():
        seen = replace(case, picture=case.picture.with_name(f"{view}.png"), yaw_deg=yaw_deg)
        mask, colors = photograph(seen, figurine)
        true_mask, true_colors, _ = true_view(seen, case)
        both = mask & true_mask
        facts[f"lab_{view}"] = float(
            np.linalg.norm(to_lab(colors[both]) - to_lab(true_colors[both]), axis=1).mean()
        )
    return facts


def _shape(mesh: Mesh) -> Shape:
    return Shape(vertices=mesh.vertices.astype(np.float64), faces=mesh.faces.astype(np.int64))


def _codes(findings: tuple[Finding, ...]) -> Counter[str]:
    return Counter(entry.code for entry in findings)


def _sum(*arrays: Any) -> str:
    """Sixteen digits of the sum of the arrays' bytes."""
    state = hashlib.sha256()
    for array in arrays:
        state.update(b"" if array is None else np.ascontiguousarray(array).tobytes())
    return state.hexdigest()[:16]


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _rounded(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_rounded(entry) for entry in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


def machine() -> str:
    """What the sums hold for: processor and the libraries that compute."""
    packages = [
        f"{name} {version(name)}" for name in ("numpy", "scipy", "opencv-python-headless", "manifold3d")
    ]
    return ", ".join([platform.machine(), _processor(), *packages])


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")


def compare(known: Mapping[str, Any], found: Mapping[str, Any], *, sums: bool) -> list[str]:
    """Return a line for each fact that differs by more than its tolerance; equal `sums` are asked for on request."""
    return list(_differences(known, found, "", sums))


def _differences(known: Any, found: Any, path: str, sums: bool) -> Iterator[str]:
    if isinstance(known, Mapping) and isinstance(found, Mapping):
        for key in {**known, **found}:
            if key != "sha256" or sums:
                yield from _differences(known.get(key), found.get(key), f"{path}.{key}".lstrip("."), sums)
        return
    name = path.rsplit(".", 1)[-1]
    group = f"{name.split('_')[0]}_"
    limit = TOLERANCES.get(name, TOLERANCES.get(group, 0.0))
    ones, others = (value if isinstance(value, list) else [value] for value in (known, found))
    if len(ones) != len(others) or not all(
        _near(one, other, limit) for one, other in zip(ones, others, strict=True)
    ):
        yield f"{path}: {known} -> {found}"


def _near(one: Any, other: Any, limit: float) -> bool:
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (one, other))
    if not numbers or not limit:
        return bool(one == other)
    return bool(abs(one - other) <= (-limit if limit < 0 else limit * abs(one)))


def read_golden(sample: str) -> dict[str, Any]:
    """The kept facts of a sample: start -> detail -> facts; empty where there are none."""
    path = GOLDEN / f"{sample}.json"
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return told


def _measured(task: tuple[str, str, str]) -> dict[str, Any]:
    return measure(*task)


def main() -> int:
    """The command."""
    names = [case.name for case in find_cases(SAMPLES)]
    parser = argparse.ArgumentParser(
        prog="scripts/golden", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("samples", nargs="*", metavar="SAMPLE", help=f"of {', '.join(names)}; default: all")
    parser.add_argument("--check", action="store_true", help="compare and write nothing")
    parser.add_argument("--detail", choices=DETAILS, nargs="+", default=list(DETAILS))
    parser.add_argument("--start", choices=STARTS, nargs="+", default=list(STARTS))
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    asked = parser.parse_args()
    if unknown := set(asked.samples) - set(names):
        parser.error(f"{unknown.pop()} is no sample; choose from {', '.join(names)}")
    tasks = [
        (sample, start, detail)
        for sample in asked.samples or names
        for start in asked.start
        for detail in asked.detail
    ]
    here = machine()
    stamp = GOLDEN / "machine.json"
    same = stamp.is_file() and json.loads(stamp.read_text(encoding="utf-8")) == here
    moved = 0
    with ProcessPoolExecutor(asked.jobs, mp_context=get_context("spawn")) as pool:
        for task, found in zip(tasks, pool.map(_measured, tasks), strict=True):
            sample, start, detail = task
            golden = read_golden(sample)
            lines = compare(golden.get(start, {}).get(detail, {}), found, sums=same or not asked.check)
            moved += bool(lines)
            print(
                f"{sample} {start} {detail}: {'as before' if not lines else f'{len(lines)} facts moved'}",
                flush=True,
            )
            print("".join(f"    {line}\n" for line in lines), end="", flush=True)
            if not asked.check:
                golden.setdefault(start, {})[detail] = found
                GOLDEN.mkdir(exist_ok=True)
                path = GOLDEN / f"{sample}.json"
                path.write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")
    if not asked.check:
        stamp.write_text(json.dumps(here) + "\n", encoding="utf-8")
    elif not same:
        print("written on another machine: sums were not compared")
    return 1 if asked.check and moved else 0


if __name__ == "__main__":
    sys.exit(main())
