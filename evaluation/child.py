"""One measured run in a process of its own, so that its peak memory is its own: `python -m evaluation.child KIND ...`.

    tangent | camera | ours   IN.npz OUT.npz FACES     depth map -> mesh
    convert                   PICTURE DEPTH REPEAT [WARM-UP PICTURE]

Prints one JSON object. Packages are imported before the clock starts, except for `convert`, whose imports are timed.
"""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

from slipcast.core import scientific
from slipcast.core.values import Camera, Cutout, ModelInfo, Shells, Source


def save_depth(path: Path, depth: Shells, fov_deg: float) -> None:
    """Write a METRIC depth map of a plain pinhole camera for `load_depth`."""
    back = depth.front if depth.back is None else depth.back
    np.savez(path, front=depth.front, back=back, valid=depth.valid, fov_deg=np.array(fov_deg))


def load_depth(path: Path) -> Shells:
    """Read what `save_depth` wrote."""
    with np.load(path) as held:
        front, back, valid, fov_deg = held["front"], held["back"], held["valid"], float(held["fov_deg"])
    height, width = front.shape
    return Shells(
        front=front,
        back=back,
        valid=valid,
        camera=Camera.pinhole(width, height, fov_deg),
        back_source=Source.INVENTED,
        model=ModelInfo(name="given"),
    )


def peak_mb() -> float:
    """The most memory that this process held, in MB."""
    status = Path("/proc/self/status")
    if status.is_file():
        # ru_maxrss starts at what the parent held when it started this process; VmHWM is this process's own.
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    unit = 1024**2 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _mesh(kind: str, source: Path, target: Path, faces: int) -> dict[str, object]:
    """Depth map -> mesh by one pipeline."""
    depth = load_depth(source)
    if kind == "ours":
        import fast_simplification
        import manifold3d

        del fast_simplification, manifold3d
    else:
        import open3d

        del open3d
    from evaluation.textbook import textbook
    from slipcast.depth.place import PlaceOptions, place
    from slipcast.reconstruct.points import PointOptions, make_points
    from slipcast.reconstruct.reconstruct import SurfaceOptions, reconstruct
    from slipcast.reconstruct.simplify import SimplifyOptions, simplify

    scientific.load()
    before_mb, begun, begun_cpu = peak_mb(), time.perf_counter(), time.process_time()
    if kind == "ours":
        marks = [time.perf_counter()]
        blank = Cutout(
            pixels=np.zeros((*depth.valid.shape, 3), np.uint8), alpha=(depth.valid * 255).astype(np.uint8)
        )
        depth = place(depth, blank, PlaceOptions())
        cloud = make_points(depth, blank, PointOptions())
        marks.append(time.perf_counter())
        raw = reconstruct(cloud, depth, SurfaceOptions())
        marks.append(time.perf_counter())
        mesh = simplify(raw, depth, SimplifyOptions(faces=faces))
        marks.append(time.perf_counter())
        steps = dict(zip(("points", "surface", "simplify"), np.diff(marks).tolist(), strict=True))
        vertices, triangles = mesh.vertices.astype(np.float64), mesh.faces.astype(np.int64)
    else:
        vertices, triangles, steps = textbook(depth, orientation=kind, faces=faces)
    wall_s, cpu_s, most_mb = time.perf_counter() - begun, time.process_time() - begun_cpu, peak_mb()
    np.savez(target, vertices=vertices, faces=triangles)
    return {"wall_s": wall_s, "cpu_s": cpu_s, "peak_mb": most_mb, "before_mb": before_mb, "steps": steps}


def _convert(picture: Path, depth: str, repeat: int, warm_up: Path | None) -> dict[str, object]:
    """The whole conversion, first in a fresh process and then again in a warm one."""
    begun = time.perf_counter()
    from slipcast import convert

    import_s = time.perf_counter() - begun
    runs: list[dict[str, object]] = []
    if warm_up is not None:
        convert(warm_up, depth=depth)
    for _ in range(repeat):
        wall: dict[str, float] = {}
        cpu: dict[str, float] = {}

        def watch(
            stage: str, now: int, total: int, wall: dict[str, float] = wall, cpu: dict[str, float] = cpu
        ) -> None:
            sign = 1 if now == total else -1
            wall[stage] = wall.get(stage, 0.0) + sign * time.perf_counter()
            cpu[stage] = cpu.get(stage, 0.0) + sign * time.process_time()

        start, start_cpu = time.perf_counter(), time.process_time()
        convert(picture, depth=depth, watch=watch)
        wall["all"], cpu["all"] = time.perf_counter() - start, time.process_time() - start_cpu
        runs.append({"wall_s": wall, "cpu_s": cpu})
    return {"import_s": import_s, "runs": runs, "peak_mb": peak_mb()}


def main() -> None:
    """The command; the caller is evaluation/bench.py."""
    kind, *rest = sys.argv[1:]
    if kind == "convert":
        told = _convert(Path(rest[0]), rest[1], int(rest[2]), Path(rest[3]) if len(rest) > 3 else None)
    else:
        told = _mesh(kind, Path(rest[0]), Path(rest[1]), int(rest[2]))
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
