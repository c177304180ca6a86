"""What is kept on disk: a result's files, and how they get there whole.

`<stem>.<ext>` (and the textures beside it), `<stem>.json`, `<stem>.preview.png`, where asked for `<stem>.report.html`,
and with `keep` the values between the stages in `<stem>.stages/`. All files of one asset are written beside their
places first, then flushed to the disk, then renamed in one go that no signal interrupts: a full disk, an error or a
stopped run leaves the folder as it was. The library and the command line write through here and nowhere else.
"""

import errno
import io
import json
import os
import secrets
import signal
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import numpy as np

from slipcast.core.errors import BadInput, DiskFull
from slipcast.core.values import U8, DepthMap, Mesh, Picture, PointCloud

if TYPE_CHECKING:
    from slipcast.pipeline.run import Result

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_CLOSED = {errno.EACCES, errno.EPERM, errno.EROFS}


def write(
    result: "Result",
    folder: Path | str,
    *,
    run: Mapping[str, object] | None = None,
    keep: bool = False,
    report: bytes | None = None,
    spare: Collection[Path] = (),
) -> tuple[Path, ...]:
    """Write everything that `result` holds into `folder` (made when absent); returns the paths, main file first.

    `run` becomes the JSON's `run` block, the only part that may differ between two equal runs; without it the block
    holds the seconds per stage. `keep` adds the values between the stages, `report` a page that
    `slipcast.report.report.draw_report` drew. Files that exist are replaced, except
    those in `spare`. Raises BadInput when the folder cannot be written to, DiskFull when the
    disk has no room; then nothing has changed.
    """
    return write_files(Path(folder), asset_files(result, run=run, keep=keep, report=report), spare=spare)


def asset_files(
    result: "Result",
    *,
    run: Mapping[str, object] | None = None,
    keep: bool = False,
    report: bytes | None = None,
) -> dict[str, bytes]:
    """Name -> content of every file of the asset, main file first; names use `/` below the folder."""
    name = result.figurine.name
    files: dict[str, bytes] = {}
    for key, export in result.exports.items():
        for file, content in export.files.items():
            if files.setdefault(file, content) != content:
                raise BadInput(
                    f"two formats of this run both want to write {file}; ask for {key} in a run of its own"
                )
    document = dict(result.metadata) | {
        "run": dict(run) if run is not None else {"seconds": dict(result.seconds)}
    }
    files[f"{name}.json"] = (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
    files[f"{name}.preview.png"] = result.preview
    if report is not None:
        files[f"{name}.report.html"] = report
    if keep:
        stages = stage_files(result)
        files |= {f"{name}.stages/{file}": content for file, content in stages.items()}
    return files


def stage_files(result: "Result") -> dict[str, bytes]:
    """The values between the stages, for looking at and for other programs.

    `cutout.png` (the picture with its alpha), `depth.npz` (front, back, valid and the camera, exact),
    `depth_front.png` and `depth_back.png` (16 bits, 65535 is near, 0 is outside), `cloud.ply`
    (the samples, with colours), `surface.ply` and `atlas.png`.
    """
    files = {"cutout.png": _png_of_picture(result.picture), "depth.npz": _npz_of_depth(result.depth)}
    files |= _pngs_of_depth(result.depth)
    files["cloud.ply"] = ply_of_cloud(result.cloud)
    files["surface.ply"] = ply_of_mesh(result.figurine.mesh)
    files["atlas.png"] = _png_of_picture(result.figurine.texture)
    return files


def check_folder(folder: Path) -> None:
    """Find out whether `folder` could be made and written to, without leaving a trace; BadInput when not.

    Asks by writing an empty file into the folder or its nearest parent that exists: permission bits alone mislead
    on read-only and network disks and for the administrator.
    """
    with tell_writing(folder):
        place = folder
        while not os.path.lexists(place):
            place = place.parent
        if not place.is_dir():
            raise BadInput(f"{place} is a file, not a folder; choose another folder with --out")
        part = _part_beside(place / "probe")
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        part.unlink()


def write_files(
    folder: Path, files: Mapping[str, bytes], *, spare: Collection[Path] = ()
) -> tuple[Path, ...]:
    """Write `files` (name -> content) into `folder`, all or none; returns their paths in order.

    Each is written and flushed beside its place, then all are renamed. Raises BadInput, with the folder as it was,
    when one cannot be written or would replace a file in `spare`, and DiskFull when there is no room.
    """
    kept = {path.resolve() for path in spare}
    targets = [folder / name for name in files]
    for target in targets:
        if target.resolve() in kept:
            raise BadInput(
                f"{target} is one of the pictures and would be overwritten; choose another folder with --out"
            )
    made: list[Path] = []
    parts: list[Path] = []
    try:
        for target, content in zip(targets, files.values(), strict=True):
            with tell_writing(target):
                _make_folder(target.parent, made)
                if target.is_dir():
                    raise BadInput(
                        f"{target} is a folder where a file is to be written; move it or choose another --out"
                    )
                parts.append(_part_beside(target))
                _write_part(parts[-1], content)
        with _hold_signals():
            for part, target in zip(parts, targets, strict=True):
                with tell_writing(target):
                    part.replace(target)
            made.clear()
    finally:
        with _hold_signals():
            for part in parts:
                part.unlink(missing_ok=True)
            for place in reversed(made):
                place.rmdir()
    for place in dict.fromkeys(target.parent for target in targets):
        _flush_folder(place)
    return tuple(targets)


def ply_of_mesh(mesh: Mesh) -> bytes:
    """A binary PLY of the bare surface in metres, each face with its `source` (see values.Source)."""
    corners = np.dtype([("count", "u1"), ("corners", "<i4", 3), ("source", "u1")])
    rows = np.zeros(len(mesh.faces), dtype=corners)
    rows["count"], rows["corners"], rows["source"] = 3, mesh.faces, mesh.source
    head = (
        "ply\nformat binary_little_endian 1.0\ncomment metres, +Y up\n"
        f"element vertex {len(mesh.vertices)}\nproperty float x\nproperty float y\nproperty float z\n"
        f"element face {len(mesh.faces)}\nproperty list uchar int vertex_indices\nproperty uchar source\nend_header\n"
    )
    return head.encode() + mesh.vertices.astype("<f4").tobytes() + rows.tobytes()


def ply_of_cloud(cloud: PointCloud) -> bytes:
    """A binary PLY of the oriented points in metres with colours and `source` (see values.Source)."""
    point = np.dtype([("xyz", "<f4", 3), ("normal", "<f4", 3), ("rgb", "u1", 3), ("source", "u1")])
    rows = np.zeros(len(cloud.points), dtype=point)
    rows["xyz"], rows["normal"], rows["rgb"], rows["source"] = (
        cloud.points,
        cloud.normals,
        cloud.colors,
        cloud.source,
    )
    floats = "".join(f"property float {name}\n" for name in ("x", "y", "z", "nx", "ny", "nz"))
    bytes_ = "".join(f"property uchar {name}\n" for name in ("red", "green", "blue", "source"))
    head = f"ply\nformat binary_little_endian 1.0\ncomment metres, +Y up\nelement vertex {len(rows)}\n"
    return f"{head}{floats}{bytes_}end_header\n".encode() + rows.tobytes()


def _png_of_picture(picture: Picture) -> bytes:
    if picture.alpha is None:
        return _png(picture.pixels)
    return _png(np.dstack([picture.pixels, picture.alpha]))


def _png(pixels: U8 | np.ndarray[tuple[int, ...], np.dtype[np.uint16]]) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=4)
    return out.getvalue()


def _pngs_of_depth(depth: DepthMap) -> dict[str, bytes]:
    """16-bit pictures of the shells on one common scale, so that they can be compared by eye."""
    shells = {"depth_front.png": depth.front}
    if depth.back is not None:
        shells["depth_back.png"] = depth.back
    inside = np.concatenate([shell[depth.valid] for shell in shells.values()])
    near, far = (float(inside.min()), float(inside.max())) if inside.size else (0.0, 1.0)
    files = {}
    for name, shell in shells.items():
        nearness = np.clip((far - shell) / max(far - near, 1e-9), 0.0, 1.0)
        level = np.where(depth.valid, 1 + nearness * 65534, 0)
        files[name] = _png(np.round(level).astype(np.uint16))
    return files


def _npz_of_depth(depth: DepthMap) -> bytes:
    arrays: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]] = {
        "front": depth.front,
        "valid": depth.valid,
        "camera_from_world": depth.camera.camera_from_world,
        "fx_fy_cx_cy_px": np.array(
            [depth.camera.fx_px, depth.camera.fy_px, depth.camera.cx_px, depth.camera.cy_px]
        ),
        "kind": np.array(depth.kind.value),
    }
    if depth.back is not None:
        arrays["back"] = depth.back
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, **arrays)
    return out.getvalue()


def _part_beside(target: Path) -> Path:
    """A name of its own, short and in the same folder: a long stem must not make it too long for the disk."""
    return target.with_name(f".slipcast-{os.getpid()}-{secrets.token_hex(4)}.part")


def _write_part(part: Path, content: bytes) -> None:
    with part.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _make_folder(folder: Path, made: list[Path]) -> None:
    """Make `folder` with its parents, noting each that is new in `made`, outermost first."""
    missing = []
    place = folder
    while not os.path.lexists(place):
        missing.append(place)
        place = place.parent
    if not place.is_dir():
        raise BadInput(f"{place} is a file, not a folder; choose another folder with --out")
    for place in reversed(missing):
        place.mkdir()
        made.append(place)


def _flush_folder(folder: Path) -> None:
    """Make the renames themselves survive a power cut, where the system lets a folder be flushed."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network disks cannot; the files are there
            raise
    finally:
        os.close(handle)


@contextmanager
def _hold_signals() -> Iterator[None]:
    """Hold back Ctrl-C and termination for the few milliseconds in which files change names.

    By Python's handlers, not by the thread's signal mask: the system may hand a signal to any thread of a library.
    """
    if (
        threading.current_thread() is not threading.main_thread()
    ):  # Python runs handlers in the main thread only
        yield
        return
    waiting: list[int] = []

    def wait(number: int, frame: FrameType | None) -> None:
        waiting.append(number)

    before = {number: signal.signal(number, wait) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
        if waiting:
            signal.raise_signal(waiting[0])


@contextmanager
def tell_writing(path: Path) -> Iterator[None]:
    """Turn the system's refusal to write `path` into one sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFull(
                f"{path} could not be written: the disk is full; free some space or choose another folder with --out"
            ) from error
        if error.errno in _CLOSED:
            told = f"{path} is not writable; choose another folder with --out"
        else:
            told = f"{path} could not be written: {error.strerror or error}; choose another folder with --out"
        raise BadInput(told) from error
