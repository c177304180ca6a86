"""A run's log and a folder of converted cases -> the pictures of the model's card.

usage: python -m training.card curve LOG.jsonl... OUT.png
       python -m training.card sheet CASES CONVERTED MODEL OUT.png

`CONVERTED` holds NAME.preview.png for each NAME.png of CASES (the input and four views); MODEL is the folder with
the weights, asked again for front and back. Drawn with OpenCV, so that no plotting library is needed.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from slipcast.depth.figurine.model import FigurineModel, FigurineOptions
from slipcast.picture.cut_out import cut_out
from slipcast.picture.decode import read_picture

U8 = NDArray[np.uint8]
WHITE = (255, 255, 255)


def curve(logs: list[Path], out: Path) -> None:
    """Loss and held-out errors over pictures, each on its own scale."""
    lines = [json.loads(text) for log in logs for text in log.read_text().splitlines()]
    width, height, left = 860, 300, 60
    board = np.full((height, width, 3), 255, np.uint8)
    most = max(line["pictures"] for line in lines)
    series = {
        "loss": (40, 40, 40),
        "held_front": (200, 90, 20),
        "held_back": (40, 120, 220),
        "held_thickness": (60, 160, 60),
    }
    for row, (name, color) in enumerate(series.items()):
        points = [(line["pictures"], line[name]) for line in lines if name in line]
        low, high = min(y for _, y in points), max(y for _, y in points)
        span = max(high - low, 1e-9)
        at = [
            (int(left + x / most * (width - left - 20)), int(height - 40 - (y - low) / span * (height - 80)))
            for x, y in points
        ]
        cv2.polylines(board, [np.array(at, np.int32)], False, color, 1, cv2.LINE_AA)
        text = f"{name}: {points[0][1]:.3f} to {points[-1][1]:.3f}"
        cv2.putText(board, text, (left + 192 * row, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.4, color, 1, cv2.LINE_AA)
    cv2.line(board, (left, height - 40), (width - 20, height - 40), (0, 0, 0), 1)
    for k in range(5):
        x = int(left + k / 4 * (width - left - 20))
        text = f"{most * k / 4 / 1000:.0f}k"
        cv2.putText(
            board, text, (x - 12, height - 22), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA
        )
    cv2.imwrite(str(out), board)


def tile(values: NDArray[np.float32], valid: NDArray[np.bool_], plane: float, size: int) -> U8:
    """Depth as grey, near is light, the plane through the figurine's middle is mid grey."""
    high = float(np.ptp(np.flatnonzero(valid.any(1)))) if valid.any() else 1.0
    grey = np.where(valid, np.clip(128 - (values - plane) / high * 220, 20, 255), 0).astype(np.uint8)
    return np.asarray(cv2.cvtColor(fit(grey, size), cv2.COLOR_GRAY2BGR), np.uint8)


def fit(picture: U8, size: int) -> U8:
    """The picture at that height."""
    width = max(1, round(picture.shape[1] * size / picture.shape[0]))
    return np.asarray(cv2.resize(picture, (width, size), interpolation=cv2.INTER_AREA), np.uint8)


def sheet(cases: Path, converted: Path, model: Path, out: Path) -> None:
    """A row for each case: front, back, then its preview (input and four views); two rows beside each other."""
    net = FigurineModel(FigurineOptions(folder=model))
    rows = []
    for case in sorted(cases.glob("*.png")):
        depth = net.predict(cut_out(read_picture(case)))
        assert depth.back is not None
        parts = [tile(z, depth.valid, depth.camera.fy_px, 130) for z in (depth.front, depth.back)]
        preview = cv2.imread(str(converted / f"{case.stem}.preview.png"))
        if preview is not None:
            parts.append(fit(np.asarray(preview, np.uint8), 130))
        rows.append(np.hstack(parts))
    width = max(row.shape[1] for row in rows)
    rows = [np.pad(row, ((0, 4), (0, width + 8 - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
    half = (len(rows) + 1) // 2
    rows += [np.full_like(rows[0], 255)] * (2 * half - len(rows))
    board = np.hstack([np.vstack(rows[:half]), np.vstack(rows[half:])])
    cv2.imwrite(str(out), board, [cv2.IMWRITE_PNG_COMPRESSION, 9])


def main() -> None:
    """See the module's docstring."""
    say = argparse.ArgumentParser(description=__doc__)
    kinds = say.add_subparsers(dest="kind", required=True)
    one = kinds.add_parser("curve")
    one.add_argument("logs", type=Path, nargs="+")
    one.add_argument("out", type=Path)
    other = kinds.add_parser("sheet")
    for name in ("cases", "converted", "model", "out"):
        other.add_argument(name, type=Path)
    args = say.parse_args()
    if args.kind == "curve":
        curve(args.logs, args.out)
    else:
        sheet(args.cases, args.converted, args.model, args.out)


if __name__ == "__main__":
    main()
