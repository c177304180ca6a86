"""model.safetensors -> the ONNX files that the product runs, beside it: figurine.onnx and edges.onnx.

usage: python -m training.to_onnx [FOLDER]

`training.export` and `training.edge_export` end with this step, so that new weights need no second command. Weights
that are float16 stay so in the file and a Cast makes them float32: the runtime does that once, when it opens the file.
Every output is compared with torch's on seeded noise; a difference above `TOLERANCE` is an error, and config.json
keeps the sum of each file and the difference that was seen. The TorchScript exporter writes opset 17; torch's newer one
needs a second package (onnxscript) and gives the same speed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import load_file
from torch import Tensor, nn

from slipcast.depth.figurine.model import EDGES
from slipcast.depth.figurine.net import INPUTS, FigurineNet, NetConfig
from slipcast.depth.figurine.steps_net import SHAPE, EdgeNet

OPSET = 17
TOLERANCE = 1e-3
"""Largest difference between the runtime's outputs and torch's; outputs are of the order of one."""
EDGES_PX = 256
"""The edge network's size; it is the same as `edges.SIDE_PX`."""


def write_onnx(folder: Path) -> dict[str, dict[str, object]]:
    """Write the ONNX files of the weights in `folder` and their sums into its config.json; return those entries.

    Raises RuntimeError when an output differs from torch's by more than `TOLERANCE`.
    """
    place = folder / "config.json"
    config = json.loads(place.read_text(encoding="utf-8"))
    weights = {key: values.float() for key, values in load_file(folder / "model.safetensors").items()}
    own = {key.removeprefix(EDGES): weights.pop(key) for key in list(weights) if key.startswith(EDGES)}
    net = FigurineNet(NetConfig.from_json(config["net"])).eval()
    net.load_state_dict(weights)
    side = net.config.side_px
    entries = {"figurine.onnx": write_network(net, folder / "figurine.onnx", {"x": (INPUTS, side, side)})}
    if own:
        edges = EdgeNet().eval()
        seen = {f"backbone.{key}": values for key, values in net.backbone.state_dict().items()}
        edges.load_state_dict(own | seen)
        shapes = {"picture": (3, EDGES_PX, EDGES_PX), "shape": (SHAPE, EDGES_PX, EDGES_PX)}
        entries["edges.onnx"] = write_network(edges, folder / "edges.onnx", shapes)
    else:
        (folder / "edges.onnx").unlink(missing_ok=True)
    config["onnx"] = entries
    place.write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    return entries


def write_network(
    net: nn.Module, path: Path, shapes: Mapping[str, tuple[int, ...]], free: Sequence[int] = (0,)
) -> dict[str, object]:
    """Export one network whose inputs (B, ...) have these names and shapes; sum, size and difference.

    `free` are the axes that may have any size.
    """
    torch.manual_seed(0)
    inputs = tuple(torch.rand(2, *shape) for shape in shapes.values())
    data = _half(_exported(net, inputs, list(shapes), free)).SerializeToString()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    feeds = {name: values.numpy() for name, values in zip(shapes, inputs, strict=True)}
    found = session.run(["out"], feeds)[0]
    with torch.inference_mode():
        apart = float(np.abs(np.asarray(found) - net(*inputs).numpy()).max())
    if not apart <= TOLERANCE:
        raise RuntimeError(f"{path.name} differs from torch by {apart:.2g}; at most {TOLERANCE:g} is allowed")
    path.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    return {"sha256": digest, "bytes": len(data), "differs": float(f"{apart:.1g}")}


def _exported(
    net: nn.Module, inputs: tuple[Tensor, ...], names: list[str], free: Sequence[int]
) -> onnx.ModelProto:
    """The network as a graph with `free` axes, which inputs and output share, and all weights float32."""
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.onnx"
        warnings.simplefilter("ignore")  # the exporter says that it is the older one
        torch.onnx.export(
            net,
            inputs,
            str(path),
            input_names=names,
            output_names=["out"],
            dynamic_axes={name: {axis: f"axis_{axis}" for axis in free} for name in (*names, "out")},
            opset_version=OPSET,
            dynamo=False,
        )
        return onnx.load(str(path))


def _half(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph with each weight as float16 that loses nothing by it, and a Cast to float32 after it."""
    graph, casts = model.graph, []
    for weight in graph.initializer:
        if weight.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(weight)
        small = values.astype(np.float16)
        if values.size < 16 or not (small.astype(np.float32) == values).all():
            continue
        name = weight.name
        weight.CopyFrom(numpy_helper.from_array(small, f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], f"{name}.cast", to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    return model


def main() -> None:
    """See the module's docstring."""
    say = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    say.add_argument("folder", type=Path, nargs="?", default=Path("models/figurine"))
    for name, entry in write_onnx(say.parse_args().folder).items():
        print(name, json.dumps(entry))


if __name__ == "__main__":
    main()
