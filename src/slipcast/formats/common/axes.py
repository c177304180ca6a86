"""Our world -> a format's axes and unit."""

import numpy as np

from slipcast.core.values import F32
from slipcast.formats.table import EXPORTERS, UNITS_M, ExportOptions


class Frame:
    """How one format writes positions and directions.

    `format` names the row in EXPORTERS whose custom holds where `options` choose nothing.
    """

    def __init__(self, format: str, options: ExportOptions) -> None:
        row = EXPORTERS[format]
        self.up = options.up or row.up
        self.unit = options.unit or row.unit

    def positions(self, points: F32) -> F32:
        """Return (N,3) `points` (metres, Y up) in this frame; equal points stay equal."""
        scaled = points.astype(np.float64) / UNITS_M[self.unit]
        return self.directions(scaled.astype(np.float32))

    def directions(self, vectors: F32) -> F32:
        """Return (N,3) `vectors` (Y up) in this frame's axes; a rotation, so faces keep their winding."""
        if self.up == "y":
            return vectors
        turned = np.stack([vectors[:, 0], -vectors[:, 2], vectors[:, 1]], axis=1)
        return turned + np.float32(0)  # -0 becomes 0
