"""Zip packages (3MF, USDZ) -> their parts, held to limits whatever their directory says."""

import io
import zipfile
import zlib
from pathlib import Path

from slipcast.core.errors import BadInput
from slipcast.formats.common.reading import MAX_FILE_BYTES, MAX_PARTS, read_bytes

_SMALL_BYTES = 64 * 2**20
_RATIO = 50
"""How many times its packed size a part may have once it is not small; our models have 5."""
_ENTRY = b"PK\1\2"
"""Every entry of a zip's directory begins with it."""


def unpack(path: Path, kind: str) -> dict[str, bytes]:
    """Return every part of the package; BadInput when it is damaged, has too many parts or unpacks to too much."""
    data = read_bytes(path)
    if data.count(_ENTRY) > 4 * MAX_PARTS:  # counted before zipfile makes an object of each
        raise BadInput(f"{path} has more than {MAX_PARTS} parts; it is not read")
    parts: dict[str, bytes] = {}
    left = MAX_FILE_BYTES
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            entries = package.infolist()
            if len(entries) > MAX_PARTS:
                raise BadInput(f"{path} has more than {MAX_PARTS} parts; it is not read")
            for entry in entries:
                most = min(left, max(_SMALL_BYTES, _RATIO * entry.compress_size))
                with package.open(entry) as stream:
                    content = stream.read(most + 1)
                if most < len(content) <= left:
                    raise BadInput(
                        f"{path} unpacks to more than {_RATIO} times its size, as no {kind} does; it is not read"
                    )
                left -= len(content)
                if left < 0:
                    raise BadInput(
                        f"{path} unpacks to more than {MAX_FILE_BYTES / 2**20:.0f} MB; it is not read"
                    )
                parts[entry.filename] = content
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        OSError,
        ValueError,
    ) as error:
        raise BadInput(f"{path} is not a {kind}: its zip package is damaged or cut off") from error
    return parts
