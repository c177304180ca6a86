"""An ONNX graph -> the same without what the runtime would work out each time that it opens the file.

usage: python -m training.fold FILE [--out FILE]

Constants, shapes and casts of constants are computed once, outputs that nobody reads go, and so does what only they
need. A bilinear Resize whose sizes are known becomes one by a whole factor, which onnxruntime computes in its blocked
layout, without turning its maps around before and after; a convolution of joined maps becomes the sum of two, so that
nothing is joined. The sums run in another order: u2netp's opinion differs by 1.4e-5 at most.

CPU s on one thread, before and after: u2netp opens in 0.061 and 0.027 and answers in 0.394 and 0.341.
Rejected: keeping fewer directions of the largest convolution's 64 outputs (48: 0.32 s, IoU with the whole network's
0.9986, worst 0.9966 of 14 pictures); whole numbers of 8 bits (onnxruntime's static quantization of all convolutions, 15
pictures to calibrate: 0.65 s, IoU 0.78 on 23 others).
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import ModelProto, NodeProto, helper, numpy_helper, shape_inference

_JOINED_PX = 160
"""Maps from this side on are not joined before a convolution; smaller ones cost next to nothing."""


def fold(model: ModelProto, outputs: int = 1) -> ModelProto:
    """Return `model` with its first `outputs` only and nothing left to fold; its weights become float32."""
    plain = _fold_constants(model)
    sizes = _infer_sizes(plain)
    graph = plain.graph
    wanted = {each.name for each in graph.output[:outputs]}
    nodes: list[NodeProto] = []
    for node in reversed(graph.node):
        if not wanted & set(node.output):
            continue
        node = _scale_by_factor(node, sizes, graph) if node.op_type == "Resize" else node
        nodes.append(node)
        wanted |= {name for name in node.input if name}
    nodes = _split_joins(nodes[::-1], sizes, graph)
    used = {name for node in nodes for name in node.input}
    weights = [each for each in graph.initializer if each.name in used]
    made = helper.make_model(
        helper.make_graph(nodes, graph.name, list(graph.input), list(graph.output[:outputs]), weights),
        opset_imports=[each for each in model.opset_import if each.domain == ""],
    )
    made.ir_version = model.ir_version
    onnx.checker.check_model(made)
    return made


def _fold_constants(model: ModelProto) -> ModelProto:
    """What onnxruntime makes of it that holds for every processor."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "folded.onnx"
        settings = onnxruntime.SessionOptions()
        settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        settings.optimized_model_filepath = str(place)
        settings.log_severity_level = 3
        onnxruntime.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])
        return onnx.load(str(place))


def _infer_sizes(model: ModelProto) -> dict[str, list[int]]:
    """The size of each map; 0 along an axis that is free."""
    graph = shape_inference.infer_shapes(model).graph
    every = (*graph.value_info, *graph.input, *graph.output)
    return {each.name: [side.dim_value for side in each.type.tensor_type.shape.dim] for each in every}


def _scale_by_factor(node: NodeProto, sizes: dict[str, list[int]], graph: onnx.GraphProto) -> NodeProto:
    """A bilinear Resize to known sizes as one by a whole factor, or `node` itself where it is none."""
    told = {each.name: helper.get_attribute_value(each) for each in node.attribute}
    before, after = sizes.get(node.input[0], []), sizes.get(node.output[0], [])
    known = len(before) == len(after) == 4 and all(before[1:]) and all(after[1:])
    if not known or told.get("mode") != b"linear":
        return node
    if told.get("coordinate_transformation_mode") not in (b"pytorch_half_pixel", b"half_pixel"):
        return node
    factor = after[2] // before[2]
    if [before[1], factor * before[2], factor * before[3]] != after[1:]:
        return node
    scales, nothing = f"times_{factor}", "nothing"
    have = {each.name for each in graph.initializer}
    for name, values in ((scales, [1, 1, factor, factor]), (nothing, [])):
        if name not in have:
            graph.initializer.append(numpy_helper.from_array(np.array(values, np.float32), name))
    return helper.make_node(
        "Resize",
        [node.input[0], nothing, scales],
        list(node.output),
        node.name,
        mode="linear",
        coordinate_transformation_mode="half_pixel",
    )


def _split_joins(
    nodes: list[NodeProto], sizes: dict[str, list[int]], graph: onnx.GraphProto
) -> list[NodeProto]:
    """Convolutions of two joined large maps as sums of two convolutions."""
    weights = {each.name: each for each in graph.initializer}
    readers = [name for node in nodes for name in node.input]
    joins = {
        node.output[0]: node
        for node in nodes
        if node.op_type == "Concat" and len(node.input) == 2 and readers.count(node.output[0]) == 1
    }
    gone, out = set(), []
    for node in nodes:
        join = joins.get(node.input[0]) if node.op_type == "Conv" and node.input[1] in weights else None
        size = sizes.get(join.input[0], []) if join else []
        if join is None or len(size) != 4 or size[2] < _JOINED_PX:
            out.append(node)
            continue
        gone.add(join.output[0])
        kernel = numpy_helper.to_array(weights[node.input[1]])
        parts = []
        for number, (name, some) in enumerate(
            zip(join.input, np.split(kernel, [size[1]], axis=1), strict=True)
        ):
            weight = f"{node.input[1]}.{number}"
            graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(some), weight))
            part = helper.make_node(
                "Conv",
                [name, weight, *(node.input[2:] if number else [])],
                [f"{node.output[0]}.{number}"],
                f"{node.name}.{number}",
            )
            part.attribute.extend(node.attribute)
            parts.append(part)
        total = helper.make_node(
            "Add", [part.output[0] for part in parts], list(node.output), f"{node.name}.sum"
        )
        out += [*parts, total]
    return [node for node in out if node.output[0] not in gone]


def main() -> None:
    """See the module's docstring."""
    say = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    say.add_argument("file", type=Path)
    say.add_argument("--out", type=Path)
    told = say.parse_args()
    onnx.save(fold(onnx.load(str(told.file))), str(told.out or told.file))


if __name__ == "__main__":
    main()
