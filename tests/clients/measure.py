"""What every reader's script reports of a triangle mesh, in the reader's own axes and unit."""

import json
import os
import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Facts = dict[str, object]


def measure(points: NDArray[np.float64], faces: NDArray[np.int64]) -> Facts:
    """Count, bounds, signed volume, centroid of the volume, and edges that are open once equal positions are
    joined.

    The centroid tells a figure that is turned or mirrored from one that stands right; the volume's sign
    tells one that is inside out.
    """
    corner = points[faces] - points.mean(axis=0)
    six = np.einsum("ij,ij->i", corner[:, 0], np.cross(corner[:, 1], corner[:, 2]))
    volume = float(six.sum() / 6)
    centroid = (corner.sum(axis=1) / 4 * six[:, None]).sum(axis=0) / 6 / volume + points.mean(axis=0)
    size = np.ptp(points, axis=0).max()
    joined = np.unique(np.round(points / size * 1e6), axis=0, return_inverse=True)[1].reshape(-1)[faces]
    edges = np.sort(np.concatenate([joined[:, [0, 1]], joined[:, [1, 2]], joined[:, [2, 0]]]), axis=1)
    return {
        "triangles": len(faces),
        "min": points.min(axis=0).tolist(),
        "max": points.max(axis=0).tolist(),
        "volume": volume,
        "centroid": centroid.tolist(),
        "open_edges": int((np.unique(edges, axis=0, return_counts=True)[1] != 2).sum()),
    }


def main(read: Callable[[str], Facts]) -> None:
    """Read every file named on the command line and print one line of JSON each; end without destructors.

    Several bindings crash while the interpreter shuts down, after all work is done.
    """
    words = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
    for path in words:
        sys.stdout.write("\n" + json.dumps({"file": path, **read(path)}) + "\n")
        # What stands in the buffer while the next file's importer has stdout turned away would be lost.
        sys.stdout.flush()
    os._exit(0)
