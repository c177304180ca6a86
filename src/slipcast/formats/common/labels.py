"""Each face's source as a line of text, for a format that does not keep the order of faces."""

import base64
import zlib

import numpy as np

from slipcast.core.values import U8, Source


def write_labels(source: U8) -> str:
    """(F,) labels as text: one byte a face, deflated, base64."""
    return base64.b64encode(zlib.compress(np.ascontiguousarray(source).tobytes(), 9)).decode("ascii")


def read_labels(text: str, faces: int) -> U8 | None:
    """Return (F,) labels, F being `faces`, of the text that `write_labels` made; None where it does not hold them."""
    try:
        unpacker = zlib.decompressobj()
        data = unpacker.decompress(base64.b64decode(text, validate=True), faces + 1)
    except (ValueError, zlib.error):
        return None
    found = np.frombuffer(data, dtype=np.uint8)
    return found if len(found) == faces and found.max(initial=0) < len(Source) else None
