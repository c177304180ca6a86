"""Records of fusion_pairs.py -> the weights of src/slipcast/reconstruct/views/fusion_net.py, fusion.npz.

Each record is read several times, with two to six of its views and cameras that are off by what registration leaves.
Seven minutes of one core over some hundred records gave the weights that are shipped.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from slipcast.core.orbit import OrbitCamera
from slipcast.core.values import LENS_FOV_DEG, View
from slipcast.reconstruct.views.features import OVERALL, PER_SIDE, make_maps, point_features
from slipcast.reconstruct.views.fusion_net import REACH
from slipcast.reconstruct.views.silhouettes import Side, outline_distance
from training.fusion_pairs import DISTANCE, FRAME, SIDE_PX, YAWS_DEG

VIEWS = len(YAWS_DEG)
_FIGURINE_PX = 448
_CHOICES = ((0, 1, 2, 3), (0, 1, 2, 3, 4, 5), (0, 1), (0, 2), (0, 1, 2), (0, 1, 3), (0, 2, 4), (0, 1, 4, 5))
_ODDS = (0.5, 0.35, *([0.025] * 6))
_BATCH = 4096


def make_sides(
    record: dict[str, np.ndarray], chosen: tuple[int, ...], rng: np.random.Generator
) -> list[Side]:
    """The chosen views as the product sees them, half of the time with cameras that are off."""
    jitter = 0.0 if rng.random() < 0.5 else rng.uniform(0.3, 1.2)
    size = round(SIDE_PX * _FIGURINE_PX * FRAME / SIDE_PX)
    scale, focal = size / SIDE_PX, size / 2 / np.tan(np.radians(LENS_FOV_DEG / 2))
    flat = SIDE_PX / 2 / np.tan(np.radians(LENS_FOV_DEG / 2))
    sides = []
    for view in chosen:
        off = jitter if view else 0.0  # the front's camera is the frame
        zoom, far = 1 + rng.normal(0, 0.008) * off, 1 + rng.normal(0, 0.1) * off
        shift = rng.normal(0, 0.006, 2) * _FIGURINE_PX * off
        camera = OrbitCamera(
            yaw_deg=YAWS_DEG[view] + rng.normal(0, 2.5) * off,
            pitch_deg=rng.normal(0, 1.2) * off,
            focal_px=focal * zoom * far,
            distance=DISTANCE * far,
            cx_px=size / 2 + shift[0],
            cy_px=size / 2 + shift[1],
        )
        alpha = record["alpha"][view]
        cover = cv2.resize(alpha.astype(np.float32) / 255, (size, size), interpolation=cv2.INTER_CUBIC).clip(
            0, 1
        )
        shells = [
            cv2.resize(
                (np.where(alpha >= 128, record[key][view] - flat, 0) * scale).astype(np.float32),
                (size, size),
                interpolation=cv2.INTER_NEAREST,
            )
            for key in ("front", "back")
        ]
        sides.append(
            Side(
                view=View.FRONT,
                camera=camera,
                cover=cover,
                outline_px=outline_distance(cover),
                front=shells[0],
                back=shells[1],
            )
        )
    return sides


def read_features(path: Path, seed: int, count: int = 5000) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(6,N,P) numbers of each side, (N,Q) of all, (N,) true distances, (N,) how many sides there are."""
    rng = np.random.default_rng(seed)
    with np.load(path) as file:
        record = {key: file[key] for key in file.files}
    chosen = _CHOICES[rng.choice(len(_CHOICES), p=_ODDS)]
    points = rng.choice(len(record["points"]), min(count, len(record["points"])), replace=False)
    per_side, overall = point_features(make_maps(make_sides(record, chosen, rng)), record["points"][points])
    keep = overall[:, 0] > -0.36
    padded = np.zeros((VIEWS, int(keep.sum()), PER_SIDE), np.float32)
    padded[: len(chosen)] = per_side[:, keep]
    distance = np.clip(record["distance"][points][keep], -REACH, REACH)
    arrays = padded, overall[keep], distance, np.full(int(keep.sum()), len(chosen))
    a, b, c, d = (torch.from_numpy(np.ascontiguousarray(array)) for array in arrays)
    return a.float(), b.float(), c.float(), d


class FusionNet(nn.Module):
    """The network of fusion_net.py with its names."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(PER_SIDE, 32), nn.Linear(32, 32)
        self.c, self.d, self.e = nn.Linear(64 + OVERALL, 48), nn.Linear(48, 48), nn.Linear(48, 1)

    def forward(self, per_side: Tensor, overall: Tensor, sides: Tensor) -> Tensor:
        """(N,) distance in tenths of the frame."""
        hidden = torch.relu(self.b(torch.relu(self.a(per_side))))
        there = (torch.arange(VIEWS)[:, None] < sides[None])[..., None].float()
        mean = (hidden * there).sum(0) / sides[:, None].float()
        joined = torch.cat([mean, (hidden * there).max(0).values, overall], 1)
        out: Tensor = self.e(torch.relu(self.d(torch.relu(self.c(joined)))))[:, 0]
        return out


def loss_of(predicted: Tensor, distance: Tensor) -> Tensor:
    """Mean error, and the cross entropy of inside against outside."""
    wanted = distance * 10
    inside = nn.functional.binary_cross_entropy_with_logits(predicted * 15, (wanted > 0).float())
    out: Tensor = (predicted.clamp(-10 * REACH, 10 * REACH) - wanted).abs().mean() + 0.3 * inside
    return out


def main() -> None:
    """Train until the budget is spent and write the weights."""
    say = argparse.ArgumentParser(description=__doc__)
    say.add_argument("--records", type=Path, required=True)
    say.add_argument("--out", type=Path, required=True, help="fusion.npz")
    say.add_argument("--budget-s", type=float, default=420)
    say.add_argument("--readings", type=int, default=3, help="how often each record is read")
    args = say.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    files = sorted(args.records.glob("*.npz"))
    read = [read_features(path, 1000 * n + k) for k in range(args.readings) for n, path in enumerate(files)]
    data = [torch.cat([entry[k] for entry in read], 1 if k == 0 else 0) for k in range(4)]
    net = FusionNet()
    optimiser = torch.optim.AdamW(net.parameters(), 1e-3, weight_decay=2e-2)
    begun, spent = time.monotonic(), 0.0
    while spent < 1:
        total = 0.0
        batches = torch.split(torch.randperm(len(data[2])), _BATCH)
        for batch in batches:
            spent = (time.monotonic() - begun) / args.budget_s
            for group in optimiser.param_groups:
                group["lr"] = 2e-3 * max(0.01, 0.5 * (1 + np.cos(np.pi * min(spent, 1.0))))
            loss = loss_of(net(data[0][:, batch], data[1][batch], data[3][batch]), data[2][batch])
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
            total += float(loss.detach())
        print(f"{spent:.2f} of the budget, loss {total / len(batches):.4f}", flush=True)
    np.savez(args.out, **{key: value.numpy() for key, value in net.state_dict().items()})


if __name__ == "__main__":
    main()
