"""The nodes: tensors and 3D files in, 3D files, a preview and a report out."""

import json
import shutil
import struct
import tempfile
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from comfy_api.latest import ComfyExtension, Types, io
from PIL import Image

from . import command

MOST = 16
"""Pictures of one batch: each takes seconds and becomes an asset of its own."""
CATEGORY = "3d/slipcast"
TARGETS = ["none", "blender", "godot", "unity", "unreal", "web"]
FORMATS = ["glb", "fbx", "obj", "stl", "3mf", "ply"]
ASSETS = ("glb", "gltf")
READABLE = (*ASSETS, "fbx", "obj", "stl", "3mf", "ply", "usdz")
_MODELS = [io.File3DAny, io.File3DGLB, io.File3DGLTF, io.Mesh]


class _Folder:
    """A folder for one run; gone after it."""

    def __enter__(self) -> Path:
        self.path = Path(tempfile.mkdtemp(prefix="slipcast-"))
        return self.path

    def __exit__(self, *_) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


class Figurine(io.ComfyNode):
    """Pictures to figurines."""

    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="SlipcastFigurine",
            display_name="Slipcast Figurine",
            category=CATEGORY,
            description="Turn a picture of a figurine, or pictures of its sides, into a closed, textured GLB.",
            inputs=[
                io.Image.Input(
                    "image", tooltip="The front; each picture of a batch becomes an asset of its own"
                ),
                io.Mask.Input(
                    "mask", optional=True, tooltip="White is the figurine; without it is cut out by itself"
                ),
                io.Image.Input("left", optional=True, tooltip="The figurine's own left side"),
                io.Image.Input("back", optional=True),
                io.Image.Input("right", optional=True),
                io.Float.Input("height_mm", default=75.0, min=1.0, max=100_000.0, step=0.5),
                io.Int.Input("faces", default=50_000, min=100, max=2_000_000),
                io.Combo.Input("detail", options=["draft", "standard", "fine"], default="standard"),
                io.Combo.Input("depth", options=["auto", "figurine", "dome"], default="auto", advanced=True),
            ],
            outputs=[
                io.File3DGLB.Output("model_3d", is_output_list=True),
                io.Image.Output("preview", is_output_list=True),
                io.String.Output("report", is_output_list=True),
            ],
        )

    @classmethod
    def execute(
        cls, image, height_mm, faces, detail, depth="auto", mask=None, left=None, back=None, right=None
    ) -> io.NodeOutput:
        sides = {"left": left, "back": back, "right": right}
        sides = {side: picture for side, picture in sides.items() if picture is not None}
        if len(image) > MOST:
            raise ValueError(
                f"{len(image)} pictures came in one batch; each takes seconds, so give at most {MOST} at a time"
            )
        if sides and any(len(picture) != 1 for picture in (image, *sides.values())):
            raise ValueError(
                "pictures of several sides show one figurine; give one picture a side, no batches"
            )
        models, previews, reports = [], [], []
        for number, picture in enumerate(image):
            with _Folder() as folder:
                front = _write_picture(folder / "figurine.png", picture, _mask_of(mask, number))
                words = ["convert", "--json", f"--out={folder / 'out'}", f"--height={height_mm:g}mm"]
                words += [f"--faces={faces}", f"--detail={detail}", f"--depth={depth}", "--format=glb"]
                if sides:
                    named = {"front": front}
                    for side, pictures in sides.items():
                        named[side] = _write_picture(folder / f"{side}.png", pictures[0], None)
                    words.append("--views=" + ",".join(f"{side}={path}" for side, path in named.items()))
                else:
                    words += ["--", str(front)]
                (entry,) = command.run(words)
                files = [Path(name) for name in entry["files"]]
                models.append(_model(next(path for path in files if path.suffix == ".glb")))
                previews.append(
                    _read_picture(next(path for path in files if path.name.endswith(".preview.png")))
                )
                reports.append(json.dumps(entry["asset"], ensure_ascii=False, indent=2))
        return io.NodeOutput(models, previews, reports)


class Export(io.ComfyNode):
    """Another format, levels of detail, collision."""

    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="SlipcastExport",
            display_name="Slipcast Export",
            category=CATEGORY,
            description="Write any mesh in another format, or as an engine likes it, with LODs and collision bodies.",
            inputs=[
                io.MultiType.Input("model_3d", types=_MODELS),
                io.Combo.Input("format", options=FORMATS, default="glb"),
                io.Combo.Input(
                    "target", options=TARGETS, default="none", tooltip="Names and axes as it likes them"
                ),
                io.Int.Input("lods", default=1, min=1, max=6, tooltip="Levels of detail; 1: none"),
                io.Combo.Input(
                    "collision", options=["none", "hull", "convex:8", "box", "capsule"], default="none"
                ),
                io.Boolean.Input(
                    "solid", default=False, tooltip="First close small holes and join bodies that overlap"
                ),
            ],
            outputs=[io.File3DAny.Output("model_3d"), io.String.Output("report")],
        )

    @classmethod
    def execute(cls, model_3d, format, target, lods, collision, solid=False) -> io.NodeOutput:
        with _Folder() as folder:
            words = ["export", "--json", f"--out={folder / 'out'}", f"--format={format}"]
            words += [f"--target={target}"] if target != "none" else []
            words += [f"--lods={lods}"] if lods > 1 else []
            words += [f"--collision={collision}"] if collision != "none" else []
            words += ["--solid"] if solid else []
            (entry,) = command.run([*words, "--", str(_write_model(folder, model_3d))])
            main = next(path for path in map(Path, entry["files"]) if path.suffix == f".{format}")
            return io.NodeOutput(_model(main), json.dumps(entry["findings"], ensure_ascii=False, indent=2))


class Print(io.ComfyNode):
    """Files for a printer."""

    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="SlipcastPrint",
            display_name="Slipcast Print",
            category=CATEGORY,
            description="Prepare any closed mesh for a printer: base, hollow, colours; says what may fail.",
            inputs=[
                io.MultiType.Input("model_3d", types=_MODELS),
                io.Combo.Input("process", options=["fdm", "resin"], default="fdm"),
                io.Float.Input(
                    "height_mm", default=0.0, min=0.0, max=2000.0, step=0.5, tooltip="0: as it is"
                ),
                io.Combo.Input(
                    "base", options=["auto", "none", "round", "square", "hex", "oval"], default="auto"
                ),
                io.Float.Input(
                    "hollow_mm", default=0.0, min=0.0, max=20.0, step=0.1, tooltip="Walls; 0: solid"
                ),
                io.Int.Input("colors", default=0, min=0, max=16, tooltip="Filaments; 0: one"),
            ],
            outputs=[io.File3DAny.Output("model_3d"), io.String.Output("report")],
        )

    @classmethod
    def execute(cls, model_3d, process, height_mm, base, hollow_mm, colors) -> io.NodeOutput:
        with _Folder() as folder:
            words = ["print", "--json", f"--out={folder / 'out'}", f"--for={process}", f"--base={base}"]
            words += [f"--height={height_mm:g}mm"] if height_mm else []
            words += [f"--hollow={hollow_mm:g}mm"] if hollow_mm else []
            words += [f"--colors={colors}"] if colors else []
            (entry,) = command.run([*words, "--", str(_write_model(folder, model_3d, READABLE))])
            files = [Path(name) for name in entry["files"]]
            main = next((path for path in files if path.suffix == ".3mf"), files[0])
            report = {key: value for key, value in entry.items() if key not in ("files", "source")}
            return io.NodeOutput(_model(main), json.dumps(report, ensure_ascii=False, indent=2))


class Report(io.ComfyNode):
    """What is in a mesh."""

    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="SlipcastReport",
            display_name="Slipcast Report",
            category=CATEGORY,
            description="Say a mesh's size, faces, whether it is closed, and what was found.",
            inputs=[io.MultiType.Input("model_3d", types=_MODELS)],
            outputs=[io.String.Output("report")],
        )

    @classmethod
    def execute(cls, model_3d) -> io.NodeOutput:
        with _Folder() as folder:
            (entry,) = command.run(["inspect", "--json", "--", str(_write_model(folder, model_3d, READABLE))])
            return io.NodeOutput(json.dumps(entry, ensure_ascii=False, indent=2))


class SlipcastExtension(ComfyExtension):
    """All nodes."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return [Figurine, Export, Print, Report]


async def comfy_entrypoint() -> SlipcastExtension:
    """What ComfyUI calls when it loads this folder."""
    return SlipcastExtension()


def _mask_of(mask, number: int):
    """The mask of the picture of that number; one mask serves all."""
    return None if mask is None else mask[min(number, len(mask) - 1)]


def _write_picture(path: Path, picture: torch.Tensor, mask) -> Path:
    """(H,W,3|4) 0..1 and (H,W) 0..1 as a PNG."""
    pixels = (picture.detach().cpu().numpy().clip(0, 1) * 255).round().astype(np.uint8)
    if mask is not None:
        alpha = (mask.detach().cpu().numpy().clip(0, 1) * 255).round().astype(np.uint8)
        if alpha.shape != pixels.shape[:2]:
            raise ValueError(
                f"the mask is {alpha.shape[1]} x {alpha.shape[0]}, the picture {pixels.shape[1]} x {pixels.shape[0]};"
                " give both the same size"
            )
        pixels = np.dstack([pixels[..., :3], alpha])
    Image.fromarray(pixels).save(path)
    return path


def _read_picture(path: Path) -> torch.Tensor:
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB"), dtype=np.float32) / 255
    return torch.from_numpy(pixels)[None]


def _model(path: Path):
    """A file's content: its folder is gone after the run."""
    return Types.File3D(BytesIO(path.read_bytes()), path.suffix[1:])


def _write_model(folder: Path, model, formats=ASSETS) -> Path:
    """A FILE_3D or MESH as a file."""
    if hasattr(model, "vertices"):
        if len(model.vertices) != 1:
            raise ValueError(f"{len(model.vertices)} meshes came in one batch; give one at a time")
        path = folder / "mesh.glb"
        path.write_bytes(_pack(model))
        return path
    if model.format not in formats:
        raise ValueError(f"{model.format or 'a file without a format'} cannot be finished; give a GLB")
    path = folder / f"mesh.{model.format}"
    model.save_to(str(path))
    return path


def _pack(mesh) -> bytes:
    """A MESH of one item as a GLB: shape, texture where it has coordinates for it, colours per vertex."""
    vertices, faces = _item(mesh, "vertices", "<f4"), _item(mesh, "faces", "<u4")
    counts = [getattr(mesh, name, None) for name in ("vertex_counts", "face_counts")]  # batches are padded
    points = len(vertices) if counts[0] is None else int(counts[0][0])
    vertices, faces = vertices[:points], faces[: len(faces) if counts[1] is None else int(counts[1][0])]
    low, high = vertices.min(axis=0).tolist(), vertices.max(axis=0).tolist()
    arrays = [(vertices, "VEC3", {"min": low, "max": high}), (faces.reshape(-1, 1), "SCALAR", {})]
    attributes, more = {"POSITION": 0}, {}
    uv, colors, texture = (_item(mesh, name, "<f4") for name in ("uvs", "vertex_colors", "texture"))
    if colors is not None:
        attributes["COLOR_0"] = len(arrays)
        arrays.append((colors[:points].clip(0, 1), f"VEC{colors.shape[1]}", {}))
    primitive = {"attributes": attributes, "indices": 1}
    blobs = [array.tobytes() for array, _, _ in arrays]
    if uv is not None and texture is not None:
        attributes["TEXCOORD_0"] = len(arrays)
        arrays.append((uv[:points], "VEC2", {}))
        blobs += [uv[:points].tobytes(), _encode(texture)]
        primitive["material"] = 0
        more = {
            "materials": [{"pbrMetallicRoughness": {"metallicFactor": 0, "baseColorTexture": {"index": 0}}}],
            "textures": [{"source": 0}],
            "images": [{"bufferView": len(arrays), "mimeType": "image/png"}],
        }
    blobs = [blob + bytes(-len(blob) % 4) for blob in blobs]
    starts = [sum(map(len, blobs[:k])) for k in range(len(blobs))]
    document = {
        "asset": {"version": "2.0", "generator": "Slipcast for ComfyUI"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": "mesh"}],
        "meshes": [{"name": "mesh", "primitives": [primitive]}],
        "accessors": [
            {"bufferView": k, "componentType": 5125 if k == 1 else 5126, "count": len(array), "type": kind}
            | bounds
            for k, (array, kind, bounds) in enumerate(arrays)
        ],
        "bufferViews": [
            {"buffer": 0, "byteOffset": start, "byteLength": len(blob)}
            for start, blob in zip(starts, blobs, strict=True)
        ],
        "buffers": [{"byteLength": sum(map(len, blobs))}],
        **more,
    }
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    data = b"".join(blobs)
    head = struct.pack("<4sII", b"glTF", 2, 28 + len(text) + len(data))
    return b"".join(
        (head, struct.pack("<I4s", len(text), b"JSON"), text, struct.pack("<I4s", len(data), b"BIN\0"), data)
    )


def _item(mesh, name: str, kind: str):
    """The first item of one of a MESH's batches as an array; None where it has none."""
    batch = getattr(mesh, name, None)
    return None if batch is None else batch[0].detach().cpu().numpy().astype(kind)


def _encode(pixels) -> bytes:
    """(H,W,3|4) 0..1 as a PNG."""
    out = BytesIO()
    Image.fromarray((pixels.clip(0, 1) * 255).round().astype(np.uint8)).save(out, "PNG")
    return out.getvalue()
