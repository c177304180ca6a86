"""Checkpoints of field_train.py -> models/views: field.onnx and its sum in config.json.

usage: python -m training.field_export STATE.pt ... [--shares 2,3,3] [--folder FOLDER]

Of several checkpoints the weights are averaged: the mean is better on held-out figurines than each of them (Wortsman
et al., 2022). The norms are folded into the convolutions and the weights rounded to float16.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from slipcast.reconstruct.views.field_inputs import CHANNELS
from slipcast.reconstruct.views.field_net import FILE
from training.export import read_means
from training.field_net import FieldNet
from training.to_onnx import write_network
from training.view_export import fold, keep_facts, weights_sum


def main() -> None:
    """See the module's docstring."""
    say = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    say.add_argument("states", type=Path, nargs="+")
    say.add_argument("--shares", help="one number for each state; without it all count alike")
    say.add_argument("--folder", type=Path, default=Path("models/views"))
    args = say.parse_args()
    shares = [float(word) for word in args.shares.split(",")] if args.shares else [1.0] * len(args.states)
    states, mean = read_means(args.states, shares)
    net = FieldNet()
    net.load_state_dict(mean)
    net = fold(net)
    args.folder.mkdir(parents=True, exist_ok=True)
    entry = write_network(net, args.folder / FILE, {"grid": (CHANNELS, 16, 24, 32)}, free=(0, 2, 3, 4))
    trained = {"steps": [state["steps"] for state in states], "shares": shares}
    keep_facts(
        args.folder, {"field": {"sha256": weights_sum(net.state_dict()), "trained": trained}}, FILE, entry
    )


if __name__ == "__main__":
    main()
