"""A folded network answers as before."""

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from training.fold import fold


def test_fold_keeps_the_answer() -> None:
    model = _make_network()
    folded = fold(model)
    kinds = [node.op_type for node in folded.graph.node]
    assert sorted(kinds) == ["Add", "Conv", "Conv", "Conv", "Resize"]
    assert [each.name for each in folded.graph.output] == ["out"]
    picture = np.random.default_rng(0).random((1, 4, 320, 320), np.float32)
    assert np.abs(_answer(folded, picture) - _answer(model, picture)).max() < 1e-5


def test_fold_leaves_a_resize_by_no_whole_factor() -> None:
    model = _make_network(side=400)
    folded = fold(model)
    picture = np.random.default_rng(0).random((1, 4, 320, 320), np.float32)
    assert np.abs(_answer(folded, picture) - _answer(model, picture)).max() < 1e-5


def _make_network(side: int = 640) -> onnx.ModelProto:
    """Two convolutions, whose maps grow to `side`, are joined and convolved; sizes are worked out in the graph."""
    random = np.random.default_rng(1)
    weights = {
        "first": random.random((8, 4, 3, 3), np.float32) - 0.5,
        "last": random.random((2, 12, 3, 3), np.float32) - 0.5,
        "bias": random.random(2, np.float32),
        "begin": np.array([0], np.int64),
        "end": np.array([2], np.int64),
        "sides": np.array([side, side], np.int64),
        "nothing": np.zeros(0, np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["in", "first"], ["low"], "a", pads=[1, 1, 1, 1]),
        helper.make_node("Concat", ["low", "in"], ["joined"], "join", axis=1),
        helper.make_node("Conv", ["joined", "last", "bias"], ["mixed"], "b", pads=[1, 1, 1, 1]),
        helper.make_node("Shape", ["mixed"], ["shape"]),
        helper.make_node("Slice", ["shape", "begin", "end"], ["head"]),
        helper.make_node("Concat", ["head", "sides"], ["size"], axis=0),
        helper.make_node(
            "Resize",
            ["mixed", "nothing", "nothing", "size"],
            ["out"],
            "grow",
            mode="linear",
            coordinate_transformation_mode="pytorch_half_pixel",
        ),
        helper.make_node("Sigmoid", ["low"], ["more"]),
    ]
    graph = helper.make_graph(
        nodes,
        "made",
        [helper.make_tensor_value_info("in", TensorProto.FLOAT, [1, 4, 320, 320])],
        [
            helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 2, side, side]),
            helper.make_tensor_value_info("more", TensorProto.FLOAT, [1, 8, 320, 320]),
        ],
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)])
    model.ir_version = 6
    return model


def _answer(
    model: onnx.ModelProto, picture: "np.typing.NDArray[np.float32]"
) -> "np.typing.NDArray[np.float32]":
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found = session.run(["out"], {"in": picture})[0]
    return np.asarray(found, np.float32)
