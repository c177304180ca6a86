"""A checkpoint of field_train.py -> models/views: field.onnx and its sum in config.json.

usage: python -m training.field_export STATE.pt [FOLDER]

The running mean's norms are folded into the convolutions and the weights rounded to float16.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from slipcast.reconstruct.views.field_inputs import CHANNELS
from slipcast.reconstruct.views.field_net import FILE
from training.field_net import FieldNet
from training.to_onnx import write_network
from training.view_export import fold, keep_facts, weights_sum


def main() -> None:
    """See the module's docstring."""
    say = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    say.add_argument("state", type=Path)
    say.add_argument("folder", type=Path, nargs="?", default=Path("models/views"))
    args = say.parse_args()
    state = torch.load(args.state, weights_only=False)
    net = FieldNet()
    net.load_state_dict(state["mean"])
    net = fold(net)
    args.folder.mkdir(parents=True, exist_ok=True)
    entry = write_network(net, args.folder / FILE, {"grid": (CHANNELS, 16, 24, 32)}, free=(0, 2, 3, 4))
    trained = {"steps": state["steps"], "trained_s": round(state["spent"])}
    keep_facts(
        args.folder, {"field": {"sha256": weights_sum(net.state_dict()), "trained": trained}}, FILE, entry
    )


if __name__ == "__main__":
    main()
