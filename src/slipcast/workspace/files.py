"""What is kept on disk: the files of a result.

`<stem>.<ext>` (and the textures beside it), `<stem>.json`, `<stem>.preview.png`, where asked for `<stem>.report.html`,
and with `keep` the values between the stages in `<stem>.stages/`. How they are written: core/files.py.
"""

import io
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from slipcast.core.files import write_files
from slipcast.core.values import U8, DepthMap, Mesh, Picture, PointCloud

if TYPE_CHECKING:
    from slipcast.pipeline.result import Result


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

    >>> result = slipcast.convert("knight.png", depth="dome", detail="draft", faces=2000)
    >>> write(result, "kept", keep=True)[-1].name
    'atlas.png'
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
    files = result.files(run=run)
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
