"""The stages of several pictures: each side in a folder of its own, and what they say together."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from slipcast.core.findings import Finding
from slipcast.core.values import Camera, Cutout, Mesh, Picture, View
from slipcast.pipeline.several_views import Gathered, SeenView
from slipcast.reconstruct.views.fusion import Fused
from slipcast.reconstruct.views.register import Registered
from slipcast.texture.views.sight import Seen
from slipcast.workspace.stage_files import (
    depth_files,
    describe_depth,
    npz,
    npz_of_depth,
    picture_files,
    read_depth,
    read_finding,
    read_pictures,
)


def view_files(gathered: Gathered) -> dict[str, bytes]:
    """Name -> content: `SIDE/picture.png` and so on, `fused.npz` with the solid, `depth.npz` with its depth."""
    files: dict[str, bytes] = {}
    for view in gathered.views:
        inside = picture_files(view.original, view.cutout) | depth_files(view.depth)
        files |= {f"{view.cutout.view}/{name}": content for name, content in inside.items()}
    mesh = gathered.fused.mesh
    files["fused.npz"] = npz(vertices=mesh.vertices, faces=mesh.faces, source=mesh.source)
    files["depth.npz"] = npz_of_depth(gathered.depth)
    return files


def describe_views(gathered: Gathered) -> list[dict[str, object]]:
    """What of each side no picture holds, front first."""
    return [
        {
            "view": view.cutout.view.value,
            "source": {key: value for key, value in view.cutout.source.items() if key != "edited"},
            "findings": [entry.as_dict() for entry in view.cutout.findings],
            "cutout": asdict(view.cutout.facts),
            "depth": describe_depth(view.depth),
            "yaw_deg": view.yaw_deg,
            "pitch_deg": view.pitch_deg,
            "turned": view.turned,
            "camera": {
                "size_px": [view.seen.camera.width_px, view.seen.camera.height_px],
                "fx_fy_cx_cy_px": [
                    getattr(view.seen.camera, name) for name in ("fx_px", "fy_px", "cx_px", "cy_px")
                ],
                "camera_from_world": view.seen.camera.camera_from_world.tolist(),
            },
        }
        for view in gathered.views
    ]


def read_views(
    folder: Path, known: Sequence[Mapping[str, Any]], used: Collection[str], edited: Sequence[str]
) -> list[tuple[Picture, Cutout]]:
    """Each side's picture and cutout, front first; `used` names the files that were edited and count."""
    return [
        read_pictures(
            folder / each["view"],
            each,
            {name.removeprefix(f"{each['view']}/") for name in used if name.startswith(f"{each['view']}/")},
            edited,
        )
        for each in known
    ]


def read_gathered(
    folder: Path, facts: Mapping[str, Any], pairs: Sequence[tuple[Picture, Cutout]]
) -> Gathered:
    """What the pictures said together, as it was; nothing is fused again."""
    with np.load(folder / "fused.npz", allow_pickle=False) as arrays:
        mesh = Mesh(vertices=arrays["vertices"], faces=arrays["faces"], source=arrays["source"])
    views = [
        SeenView(
            original=picture,
            cutout=cut,
            depth=read_depth(folder / each["view"], each["depth"]),
            yaw_deg=each["yaw_deg"],
            pitch_deg=each["pitch_deg"],
            turned=each["turned"],
            seen=Seen(cutout=cut, camera=_read_camera(each["camera"])),
        )
        for each, (picture, cut) in zip(facts["views"], pairs, strict=True)
    ]
    return Gathered(
        fused=Fused(
            mesh=mesh,
            depth=read_depth(folder, facts["depth"]),
            cameras={View(view.cutout.view): view.seen.camera for view in views},
            registered=Registered(sides=(), miss=0.0, before=0.0),
            of_front=facts.get("of_front", False),
        ),
        views=tuple(views),
        findings=read_views_findings(facts),
    )


def read_views_findings(facts: Mapping[str, Any]) -> tuple[Finding, ...]:
    """What was found when the pictures were judged by each other."""
    return tuple(read_finding(entry) for entry in facts["views_findings"])


def _read_camera(known: Mapping[str, Any]) -> Camera:
    width, height = known["size_px"]
    fx, fy, cx, cy = known["fx_fy_cx_cy_px"]
    return Camera(
        width_px=width,
        height_px=height,
        fx_px=fx,
        fy_px=fy,
        cx_px=cx,
        cy_px=cy,
        camera_from_world=np.array(known["camera_from_world"], np.float64),
    )
