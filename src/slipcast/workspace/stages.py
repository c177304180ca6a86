"""The values between the stages as files that paint and modelling programs open, and the way back.

    picture.png  mask.png  ->  depth_front.png  depth_back.png  steps.png  ->  mesh.ply  ->  atlas.png
         cutout.png                         depth.npz                           mesh.npz

The upper row is for hands, the lower one is exact. Of several pictures each has the first two steps in a folder of its
own side (`front/`, `left/` ...), and `fused.npz` is what they say together. `stages.json` has the hash of every file,
so that an edit is noticed, the recipe, and what no picture holds. Where a pixel of a depth picture is as it was
written, the exact array's value is taken: a stroke of the brush changes nothing beside it.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from slipcast._version import __version__
from slipcast.core.errors import BadInput
from slipcast.core.scientific import spatial
from slipcast.core.values import Figurine, Mesh, Picture
from slipcast.pipeline.recipe import Recipe
from slipcast.pipeline.run import Start
from slipcast.workspace.ply import ply_of_cloud, ply_of_mesh
from slipcast.workspace.stage_files import (
    depth_files,
    describe_depth,
    hash_of,
    npz,
    picture_files,
    png,
    png_of_picture,
    read_color,
    read_depth,
    read_pictures,
)
from slipcast.workspace.stages_of_views import (
    describe_views,
    read_gathered,
    read_views,
    read_views_findings,
    view_files,
)

if TYPE_CHECKING:
    from slipcast.pipeline.result import Result

VERSION = 1
ORDER = ("mask", "depth", "steps", "mesh", "texture")
"""Where one may go on from, in the order of the pipeline."""
_STAGE = {
    "picture.png": "mask",
    "mask.png": "mask",
    "depth.npz": "depth",
    "depth_front.png": "depth",
    "depth_back.png": "depth",
    "steps.png": "steps",
    "mesh.ply": "mesh",
    "mesh.glb": "mesh",
    "atlas.png": "texture",
}
"""File that may be edited -> the stage that it belongs to."""


@dataclass(frozen=True, kw_only=True)
class Stages:
    """A folder of stages, read: what `pipeline.run.run` needs to go on."""

    name: str
    picture: Picture
    """As it came; of several the front."""
    others: tuple[Picture, ...]
    """The other sides' pictures, turned and named as they were used."""
    recipe: Recipe
    start: Start
    since: str
    """The stage of ORDER that it goes on from."""
    edited: tuple[str, ...]
    """What was edited, now and before: of ORDER."""


def stage_files(result: "Result") -> dict[str, bytes]:
    """Name -> content of the folder of stages: see the module's docstring.

    16 bits hold a depth: 65535 is near, 1 is far, 0 is outside. `steps.png` is how far the front was moved besides,
    where one part stands before another: 32768 not at all, brighter towards the viewer. Meshes are in metres, +Y up.
    `cutout.png` and `cloud.ply` are for looking at; `normal_map.png` is used again where the texture alone was edited.
    """
    figurine, cut, mesh = result.figurine, result.picture, result.figurine.mesh
    gathered = result.gathered
    if gathered is None:
        files = {**picture_files(result.original, cut), **depth_files(result.depth)}
    else:
        files = view_files(gathered)
    files["cloud.ply"] = ply_of_cloud(result.cloud)
    files["mesh.ply"] = ply_of_mesh(mesh)
    files["mesh.npz"] = npz(vertices=mesh.vertices, faces=mesh.faces, source=mesh.source, uv=figurine.uv)
    if figurine.normal_map is not None:
        files["normal_map.png"] = png(figurine.normal_map)
    files["stages.json"] = b""
    files["atlas.png"] = png_of_picture(figurine.texture)
    facts: dict[str, object] = {
        "version": VERSION,
        "generator": f"Slipcast {__version__}",
        "name": figurine.name,
        "pictures": max(1, len(result.views)),
        "view": result.original.view.value,
        "source": {key: value for key, value in cut.source.items() if key != "edited"},
        "edited": cut.source.get("edited", []),
        "findings": [entry.as_dict() for entry in cut.findings],
        "cutout": asdict(cut.facts),
        "depth": describe_depth(result.depth),
        "painted": {
            key: figurine.provenance[key]
            for key in ("normal_map", "invented_share", "delight", "views")
            if key in figurine.provenance
        },
        "recipe": result.recipe.to_toml(),
        "sha256": {name: hash_of(content) for name, content in files.items() if name != "stages.json"},
    }
    if gathered is not None:
        facts["views"] = describe_views(gathered)
        facts["of_front"] = gathered.fused.of_front
        facts["views_findings"] = [entry.as_dict() for entry in gathered.findings]
    files["stages.json"] = (json.dumps(facts, indent=2, ensure_ascii=False) + "\n").encode()
    return files


def read_stages(folder: Path | str, *, since: str = "") -> Stages:
    """Read a folder that `stage_files` filled and somebody edited; goes on from `since`, by default the first edit.

    Raises BadInput, naming the file, for a folder of another version, for edits that would be lost, and for files of
    another size, colour mode or scale than they had.
    """
    folder = Path(folder)
    facts = _facts(folder)
    changed = _changed(folder, facts)
    first = min((_stage_of(name) for name in changed), key=ORDER.index, default="")
    if since and since not in ORDER:
        raise BadInput(
            f"since is {since!r}, which is no stage; choose from {', '.join(ORDER)}", field="since"
        )
    if first and since and ORDER.index(first) < ORDER.index(since):
        name = next(name for name in changed if _stage_of(name) == first)
        raise BadInput(
            f"{folder / name} was edited, and {since} is made of it; go on from {first}", field="since"
        )
    later = [name for name in changed if _stage_of(name) != first]
    if later and not since:
        raise BadInput(
            f"{folder / later[0]} was edited too and would be made anew; name the stage to go on from, and edit the "
            f"new one then",
            field="since",
        )
    since = since or first or ORDER[-1]
    used = {name for name in changed if _stage_of(name) == since}
    edited = [stage for stage in facts["edited"] if ORDER.index(stage) < ORDER.index(since)]
    edited += [since] if used else []
    mesh = _read_mesh(folder, facts, used) if since == "mesh" else None
    figurine = _read_figurine(folder, facts) if since == "texture" else None
    if "views" in facts:
        pairs = read_views(folder, facts["views"], used, edited)
        start = Start(
            cutouts=tuple(cut for _, cut in pairs),
            depths=tuple(
                read_depth(folder / each["view"], each["depth"], _inside(used, each["view"]))
                for each in facts["views"]
            )
            if since in ("depth", "steps")
            else (),
            gathered=read_gathered(folder, facts, pairs) if since in ("mesh", "texture") else None,
            mesh=mesh,
            figurine=figurine,
            views_findings=read_views_findings(facts),
        )
    else:
        pairs = [read_pictures(folder, facts, used, edited)]
        depth = read_depth(folder, facts["depth"], used) if since != "mask" else None
        start = Start(cutouts=(pairs[0][1],), depth=depth, mesh=mesh, figurine=figurine)
    return Stages(
        name=facts["name"],
        picture=pairs[0][0],
        others=tuple(picture for picture, _ in pairs[1:]),
        recipe=Recipe.from_toml(facts["recipe"], where=str(folder / "stages.json")),
        start=start,
        since=since,
        edited=tuple(edited),
    )


def _stage_of(name: str) -> str:
    """The stage that a file belongs to, whatever side's it is."""
    return _STAGE[name.rpartition("/")[2]]


def _inside(names: set[str], side: str) -> set[str]:
    """Those names that lie in the folder of a side, without it."""
    return {name.removeprefix(f"{side}/") for name in names if name.startswith(f"{side}/")}


def _facts(folder: Path) -> dict[str, Any]:
    """What stages.json says."""
    place = folder / "stages.json"
    if folder.is_file():
        raise BadInput(
            f"{folder} is a file, and resume takes a folder NAME.stages; that is written with", cure="keep"
        )
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
    if facts["pictures"] != 1 and "views" not in facts:
        raise BadInput(
            f"{folder} was made of {facts['pictures']} pictures by a Slipcast that did not keep each one's stages; "
            "convert them again with",
            cure="keep",
        )
    assert isinstance(facts, dict)
    return facts


def _changed(folder: Path, facts: Mapping[str, Any]) -> list[str]:
    """The files that are not as they were written; BadInput for one that is gone or leads nowhere."""
    changed = []
    for name, known in facts["sha256"].items():
        try:
            is_same = hash_of((folder / name).read_bytes()) == known
        except OSError:
            raise BadInput(
                f"{folder / name} is not there; put it back, or convert again with", cure="keep"
            ) from None
        if is_same:
            continue
        if name.rpartition("/")[2] not in _STAGE or (name == "depth.npz" and "views" in facts):
            other = (
                "mask.png or picture.png"
                if name.endswith("cutout.png")
                else "the depth, the mesh or the atlas"
            )
            raise BadInput(f"{folder / name} was edited, which is only for looking at; edit {other} instead")
        changed.append(name)
    if (folder / "mesh.glb").is_file():  # as modelling programs like to give a mesh back
        changed.append("mesh.glb")
    pairs = [("mesh.glb", "mesh.ply")]
    for side in ("", *(f"{each['view']}/" for each in facts.get("views", ()))):
        pairs += [
            (f"{side}depth.npz", f"{side}{name}.png") for name in ("depth_front", "depth_back", "steps")
        ]
    for one, other in pairs:
        if one in changed and other in changed:
            raise BadInput(f"{folder / one} and {other} were both edited; remove one edit")
    return changed


def _read_mesh(folder: Path, facts: Mapping[str, Any], used: set[str]) -> Mesh:
    """The exact mesh, or the edited one with the label of the nearest face that was there."""
    with np.load(folder / "mesh.npz", allow_pickle=False) as arrays:
        was = Mesh(vertices=arrays["vertices"], faces=arrays["faces"], source=arrays["source"])
    if not used:
        return was
    from slipcast.formats.inspect import read_content
    from slipcast.mesh.weld import find_equal

    place = folder / ("mesh.glb" if "mesh.glb" in used else "mesh.ply")
    content = read_content(place)
    points = content.points.astype(np.float32)  # metres and +Y up, as the file was written
    first, index = find_equal(points)
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
    tree = spatial.cKDTree(was.vertices[was.faces].mean(axis=1))
    _, nearest = tree.query(vertices[faces].mean(axis=1))
    return Mesh(vertices=vertices, faces=np.ascontiguousarray(faces), source=was.source[nearest])


def _read_figurine(folder: Path, facts: Mapping[str, Any]) -> Figurine:
    """The painted figurine with the atlas that lies there."""
    with np.load(folder / "mesh.npz", allow_pickle=False) as arrays:
        mesh = Mesh(vertices=arrays["vertices"], faces=arrays["faces"], source=arrays["source"])
        uv = arrays["uv"]
    atlas = np.ascontiguousarray(read_color(folder / "atlas.png")[..., :3])
    normals = folder / "normal_map.png"
    normal_map = np.ascontiguousarray(read_color(normals)[..., :3]) if normals.is_file() else None
    return Figurine(
        name=facts["name"],
        mesh=mesh,
        uv=uv,
        texture=Picture(pixels=atlas),
        normal_map=normal_map,
        provenance=facts["painted"],
    )
