"""The values between the stages as files that paint and modelling programs open, and the way back.

    picture.png  mask.png  ->  depth_front.png  depth_back.png  ->  mesh.ply  ->  atlas.png
         cutout.png               depth.npz                          mesh.npz

The upper row is for hands, the lower one is exact. `stages.json` has the hash of every file, so that an edit is
noticed, the recipe, and what no picture holds. Where a pixel of a depth picture is as it was written, the exact array's
value is taken: a stroke of the brush changes nothing beside it.
"""

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from slipcast._version import __version__
from slipcast.core.errors import BadInput
from slipcast.core.findings import Finding, finding
from slipcast.core.values import (
    F32,
    U8,
    Bool,
    Camera,
    DepthKind,
    DepthMap,
    Figurine,
    Mesh,
    ModelInfo,
    Picture,
    Source,
    View,
)
from slipcast.pipeline.recipe import Recipe
from slipcast.pipeline.run import Start
from slipcast.workspace.ply import ply_of_cloud, ply_of_mesh

if TYPE_CHECKING:
    from slipcast.pipeline.result import Result

VERSION = 1
ORDER = ("mask", "depth", "mesh", "texture")
"""Where one may go on from, in the order of the pipeline."""
_STAGE = {
    "picture.png": "mask",
    "mask.png": "mask",
    "depth.npz": "depth",
    "depth_front.png": "depth",
    "depth_back.png": "depth",
    "mesh.ply": "mesh",
    "mesh.glb": "mesh",
    "atlas.png": "texture",
}
"""File that may be edited -> the stage that it belongs to."""
_NEAR = 65535
_U16 = np.ndarray[tuple[int, ...], np.dtype[np.uint16]]


@dataclass(frozen=True, kw_only=True)
class Stages:
    """A folder of stages, read: what `pipeline.run.run` needs to go on."""

    name: str
    picture: Picture
    """As it came."""
    recipe: Recipe
    start: Start
    since: str
    """The stage of ORDER that it goes on from."""
    edited: tuple[str, ...]
    """What was edited, now and before: of ORDER."""


def stage_files(result: "Result") -> dict[str, bytes]:
    """Name -> content of the folder of stages: see the module's docstring.

    16 bits hold a depth: 65535 is near, 1 is far, 0 is outside. Meshes are in metres, +Y up. `cutout.png` and
    `cloud.ply` are for looking at; `normal_map.png` is used again where the texture alone was edited.
    """
    picture, cut, mesh = result.original, result.picture, result.figurine.mesh
    files = {"picture.png": _png_of_picture(picture), "cutout.png": _png_of_picture(cut)}
    if cut.alpha is not None:
        files["mask.png"] = _png(cut.alpha)
    files["depth.npz"] = _npz_of_depth(result.depth)
    near, far = _range(result.depth)
    for shell, values in _shells(result.depth).items():
        files[f"depth_{shell}.png"] = _png(_levels(values, result.depth.valid, near, far))
    files["cloud.ply"] = ply_of_cloud(result.cloud)
    files["mesh.ply"] = ply_of_mesh(mesh)
    files["mesh.npz"] = _npz(
        vertices=mesh.vertices, faces=mesh.faces, source=mesh.source, uv=result.figurine.uv
    )
    if result.figurine.normal_map is not None:
        files["normal_map.png"] = _png(result.figurine.normal_map)
    files["stages.json"] = b""
    files["atlas.png"] = _png_of_picture(result.figurine.texture)
    source = {key: value for key, value in cut.source.items() if key != "edited"}
    facts = {
        "version": VERSION,
        "generator": f"Slipcast {__version__}",
        "name": result.figurine.name,
        "pictures": max(1, len(result.views)),
        "view": picture.view.value,
        "source": source,
        "edited": cut.source.get("edited", []),
        "findings": [entry.as_dict() for entry in cut.findings],
        "depth": {
            **{
                key: getattr(result.depth, key)
                for key in ("ratio_is_prior", "implausible_ratio", "agreement")
            },
            "model": asdict(result.depth.model),
            "back_source": int(result.depth.back_source),
            "near_m": near,
            "far_m": far,
            "findings": [entry.as_dict() for entry in result.depth.findings],
        },
        "painted": {
            key: result.figurine.provenance[key]
            for key in ("normal_map", "invented_share")
            if key in result.figurine.provenance
        },
        "recipe": result.recipe.to_toml(),
        "sha256": {name: _hash(content) for name, content in files.items() if name != "stages.json"},
    }
    files["stages.json"] = (json.dumps(facts, indent=2, ensure_ascii=False) + "\n").encode()
    return files


def read_stages(folder: Path | str, *, since: str = "") -> Stages:
    """Read a folder that `stage_files` filled and somebody edited; goes on from `since`, by default the first edit.

    Raises BadInput, naming the file, for a folder of another version or of several pictures, for edits that would be
    lost, and for files of another size, colour mode or scale than they had.
    """
    folder = Path(folder)
    facts = _facts(folder)
    changed = _changed(folder, facts)
    first = min((_STAGE[name] for name in changed), key=ORDER.index, default="")
    if since and since not in ORDER:
        raise BadInput(
            f"since is {since!r}, which is no stage; choose from {', '.join(ORDER)}", field="since"
        )
    if first and since and ORDER.index(first) < ORDER.index(since):
        name = next(name for name in changed if _STAGE[name] == first)
        raise BadInput(
            f"{folder / name} was edited, and {since} is made of it; go on from {first}", field="since"
        )
    later = [name for name in changed if _STAGE[name] != first]
    if later and not since:
        raise BadInput(
            f"{folder / later[0]} was edited too and would be made anew; name the stage to go on from, and edit the "
            f"new one then",
            field="since",
        )
    since = since or first or ORDER[-1]
    used = {name for name in changed if _STAGE[name] == since}
    edited = [stage for stage in facts["edited"] if ORDER.index(stage) < ORDER.index(since)]
    edited += [since] if used else []
    picture, cut = _read_pictures(folder, facts, used, edited)
    reached = ORDER.index(since)
    depth = _read_depth(folder, facts, used) if reached >= 1 else None
    mesh = _read_mesh(folder, facts, used) if reached == 2 else None
    figurine = _read_figurine(folder, facts) if reached == 3 else None
    start = Start(cutouts=(cut,), depth=depth, mesh=mesh, figurine=figurine)
    recipe = Recipe.from_toml(facts["recipe"], where=str(folder / "stages.json"))
    return Stages(
        name=facts["name"],
        picture=picture,
        recipe=recipe,
        start=start,
        since=since,
        edited=tuple(edited),
    )


def _facts(folder: Path) -> dict[str, Any]:
    """What stages.json says."""
    place = folder / "stages.json"
    try:
        facts = json.loads(place.read_text("utf-8"))
        version = facts["version"]
    except FileNotFoundError:
        raise BadInput(
            f"{folder} has no stages.json; give a folder NAME.stages, which is written with", cure="keep"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise BadInput(
            f"{place} cannot be read ({problem}); convert the picture again with", cure="keep"
        ) from problem
    if version != VERSION:
        raise BadInput(
            f"{folder} is of version {version} ({facts.get('generator', 'another Slipcast')}), and {VERSION} can be "
            "read; convert the picture again with",
            cure="keep",
        )
    if facts["pictures"] != 1:
        raise BadInput(
            f"{folder} was made of {facts['pictures']} pictures, whose stages are fused; edit the pictures and convert "
            "them again"
        )
    assert isinstance(facts, dict)
    return facts


def _changed(folder: Path, facts: Mapping[str, Any]) -> list[str]:
    """The files that are not as they were written; BadInput for one that is gone or leads nowhere."""
    changed = []
    for name, known in facts["sha256"].items():
        try:
            is_same = _hash((folder / name).read_bytes()) == known
        except OSError:
            raise BadInput(
                f"{folder / name} is not there; put it back, or convert again with", cure="keep"
            ) from None
        if is_same:
            continue
        if name not in _STAGE:
            other = "mask.png or picture.png" if name == "cutout.png" else "the depth, the mesh or the atlas"
            raise BadInput(f"{folder / name} was edited, which is only for looking at; edit {other} instead")
        changed.append(name)
    if (folder / "mesh.glb").is_file():  # as modelling programs like to give a mesh back
        changed.append("mesh.glb")
    pairs = (("mesh.glb", "mesh.ply"), ("depth.npz", "depth_front.png"), ("depth.npz", "depth_back.png"))
    for one, other in pairs:
        if one in changed and other in changed:
            raise BadInput(f"{folder / one} and {other} were both edited; remove one edit")
    return changed


def _read_pictures(
    folder: Path, facts: Mapping[str, Any], used: set[str], edited: Sequence[str]
) -> tuple[Picture, Picture]:
    """The picture, and the picture with its alpha: made anew where one of the two was edited."""
    from slipcast.picture.bleed import bleed_colors

    source = facts["source"] | ({"edited": list(edited)} if edited else {})
    whole = _read_color(folder / "picture.png")
    picture = Picture(pixels=whole[..., :3], view=View(facts["view"]), source=facts["source"])
    cutout = _read_color(folder / "cutout.png")
    if whole.shape[:2] != cutout.shape[:2]:
        raise _other_size(folder / "picture.png", whole.shape, cutout.shape)
    findings = tuple(_finding(entry) for entry in facts["findings"])
    cut = Picture(
        pixels=np.ascontiguousarray(cutout[..., :3]),
        alpha=np.ascontiguousarray(cutout[..., 3]),
        view=picture.view,
        source=source,
        findings=findings,
    )
    if not used & {"mask.png", "picture.png"}:
        return picture, cut
    mask = _read_gray(folder / "mask.png", cutout.shape)
    alpha = np.ascontiguousarray((mask // 257).astype(np.uint8))
    if not (alpha >= 128).any():
        raise BadInput(f"{folder / 'mask.png'} is black all over; paint the figurine white")
    return picture, replace(cut, pixels=bleed_colors(picture.pixels, alpha), alpha=alpha, findings=())


def _read_depth(folder: Path, facts: Mapping[str, Any], used: set[str]) -> DepthMap:
    """Both shells: the exact arrays, and of the pictures what was painted."""
    known = facts["depth"]
    with np.load(folder / "depth.npz", allow_pickle=False) as arrays:
        exact = {name: arrays[name] for name in arrays.files}
    valid: Bool = exact["valid"]
    height, width = valid.shape
    fx, fy, cx, cy = exact["fx_fy_cx_cy_px"].tolist()
    camera = Camera(
        width_px=width,
        height_px=height,
        fx_px=fx,
        fy_px=fy,
        cx_px=cx,
        cy_px=cy,
        camera_from_world=exact["camera_from_world"],
    )
    shells = {name: exact[name] for name in ("front", "back") if name in exact}
    for name, values in shells.items():
        place = folder / f"depth_{name}.png"
        if place.name in used:
            shells[name] = _painted(place, values, valid, known["near_m"], known["far_m"])
    back = shells.get("back")
    return DepthMap(
        front=shells["front"],
        back=None if back is None else np.maximum(back, shells["front"]),
        valid=valid,
        camera=camera,
        kind=DepthKind(str(exact["kind"])),
        back_source=Source(known["back_source"]),
        model=ModelInfo(**known["model"]),
        ratio_is_prior=known["ratio_is_prior"],
        implausible_ratio=known["implausible_ratio"],
        agreement=known["agreement"],
        findings=tuple(_finding(entry) for entry in known["findings"]),
    )


def _painted(place: Path, exact: F32, valid: Bool, near: float, far: float) -> F32:
    """The exact depth, and the picture's where it was painted."""
    levels = _read_gray(place, valid.shape)
    holes = int((valid & (levels == 0)).sum())
    if holes:
        raise BadInput(
            f"{place} is 0, which is outside, at {holes} pixels of the figurine; paint them from 1 (far) to 65535 "
            "(near), or change the outline in mask.png"
        )
    was = _levels(exact, valid, near, far)
    coarse = len(np.unique(levels[valid])) <= 256  # a program that saves 8 bits has rounded every pixel
    slack = 257 if coarse else 0
    changed = valid & (np.abs(levels.astype(np.int64) - was) > slack)
    meant = far - (levels.astype(np.float64) - 1) / (_NEAR - 1) * (far - near)
    return np.where(changed, meant, exact).astype(np.float32)


def _read_mesh(folder: Path, facts: Mapping[str, Any], used: set[str]) -> Mesh:
    """The exact mesh, or the edited one with the label of the nearest face that was there."""
    with np.load(folder / "mesh.npz", allow_pickle=False) as arrays:
        was = Mesh(vertices=arrays["vertices"], faces=arrays["faces"], source=arrays["source"])
    if not used:
        return was
    from scipy.spatial import cKDTree

    from slipcast.formats.common.reading import weld
    from slipcast.formats.inspect import read_content

    place = folder / ("mesh.glb" if "mesh.glb" in used else "mesh.ply")
    content = read_content(place)
    points = content.points.astype(np.float32)  # metres and +Y up, as the file was written
    first, index = weld(points)
    vertices, faces = np.ascontiguousarray(points[first]), index[content.faces].astype(np.int32)
    faces = faces[(faces != np.roll(faces, 1, axis=1)).all(axis=1)]
    if not len(faces):
        raise BadInput(f"{place} holds no triangles; export the mesh again")
    tall, before = (float(np.ptp(each[:, 1])) for each in (vertices, was.vertices))
    if not 0.5 < tall / max(before, 1e-9) < 2:
        raise BadInput(
            f"{place} is {tall * 1000:.4g} mm tall along Y where the figurine was {before * 1000:.4g} mm; export it in "
            "metres with Y up, as it was read"
        )
    tree = cKDTree(was.vertices[was.faces].mean(axis=1))
    _, nearest = tree.query(vertices[faces].mean(axis=1))
    return Mesh(vertices=vertices, faces=np.ascontiguousarray(faces), source=was.source[nearest])


def _read_figurine(folder: Path, facts: Mapping[str, Any]) -> Figurine:
    """The painted figurine with the atlas that lies there."""
    with np.load(folder / "mesh.npz", allow_pickle=False) as arrays:
        mesh = Mesh(vertices=arrays["vertices"], faces=arrays["faces"], source=arrays["source"])
        uv = arrays["uv"]
    atlas = np.ascontiguousarray(_read_color(folder / "atlas.png")[..., :3])
    normals = folder / "normal_map.png"
    normal_map = np.ascontiguousarray(_read_color(normals)[..., :3]) if normals.is_file() else None
    return Figurine(
        name=facts["name"],
        mesh=mesh,
        uv=uv,
        texture=Picture(pixels=atlas),
        normal_map=normal_map,
        provenance=facts["painted"],
    )


def _finding(entry: Mapping[str, Any]) -> Finding:
    return finding(entry["code"], entry.get("values", {}))


def _decode(place: Path) -> np.ndarray[tuple[int, ...], np.dtype[Any]]:
    """The picture as it is, 8 or 16 bits; Pillow would make 8 bits of a 16-bit picture with colours."""
    import cv2

    data = np.frombuffer(place.read_bytes(), np.uint8)
    pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    if pixels is None or pixels.dtype not in (np.uint8, np.uint16):
        raise BadInput(f"{place} is no picture of 8 or 16 bits; save it as PNG")
    return np.asarray(pixels)


def _read_color(place: Path) -> U8:
    """(H,W,3|4) sRGB, whatever the paint program made of it."""
    pixels = _decode(place)
    if pixels.dtype == np.uint16:
        pixels = (pixels // 257).astype(np.uint8)
    if pixels.ndim == 2:
        pixels = np.dstack([pixels] * 3)
    order = [2, 1, 0, 3][: pixels.shape[2]]
    return np.ascontiguousarray(pixels[..., order])


def _read_gray(place: Path, shape: tuple[int, ...]) -> _U16:
    """(H,W) 16 bits: 8 bits are widened, an added alpha is passed over, three equal channels are one."""
    pixels = _decode(place)
    if pixels.shape[:2] != tuple(shape[:2]):
        raise _other_size(place, pixels.shape, shape)
    if pixels.ndim == 3:
        colors = pixels[..., : 3 if pixels.shape[2] >= 3 else 1]
        spread = int(np.ptp(colors.astype(np.int64), axis=2).max())
        if spread > (2 if pixels.dtype == np.uint8 else 514):
            raise BadInput(f"{place} is in colours; save it in grey")
        pixels = colors[..., 0]
    return pixels.astype(np.uint16) * (257 if pixels.dtype == np.uint8 else 1)


def _other_size(place: Path, have: tuple[int, ...], want: tuple[int, ...]) -> BadInput:
    return BadInput(
        f"{place} is {have[1]} x {have[0]} px where {want[1]} x {want[0]} are needed; save it at its own size"
    )


def _shells(depth: DepthMap) -> dict[str, F32]:
    return {"front": depth.front} | ({} if depth.back is None else {"back": depth.back})


def _range(depth: DepthMap) -> tuple[float, float]:
    """Nearest and farthest metre of both shells, with room before and behind for the brush."""
    inside = np.concatenate([shell[depth.valid] for shell in _shells(depth).values()])
    near, far = (float(inside.min()), float(inside.max())) if inside.size else (0.0, 1.0)
    room = 0.1 * (far - near)
    return near - room, far + room


def _levels(values: F32, valid: Bool, near: float, far: float) -> _U16:
    nearness = np.clip((far - values.astype(np.float64)) / max(far - near, 1e-9), 0.0, 1.0)
    return np.round(np.where(valid, 1 + nearness * (_NEAR - 1), 0)).astype(np.uint16)


def _png_of_picture(picture: Picture) -> bytes:
    if picture.alpha is None:
        return _png(picture.pixels)
    return _png(np.dstack([picture.pixels, picture.alpha]))


def _png(pixels: np.ndarray[tuple[int, ...], np.dtype[Any]]) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=4)
    return out.getvalue()


def _npz(**arrays: np.ndarray[tuple[int, ...], np.dtype[Any]]) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, **arrays)
    return out.getvalue()


def _npz_of_depth(depth: DepthMap) -> bytes:
    camera = depth.camera
    return _npz(
        **_shells(depth),
        valid=depth.valid,
        camera_from_world=camera.camera_from_world,
        fx_fy_cx_cy_px=np.array([camera.fx_px, camera.fy_px, camera.cx_px, camera.cy_px]),
        kind=np.array(depth.kind.value),
    )


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
