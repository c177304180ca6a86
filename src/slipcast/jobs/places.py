"""Pictures and results in an object store, by address: `s3://bucket/folder`, `gs://`, `az://`, or `file:///folder`.

What machines of a cluster have in common without a shared folder. obstore speaks to all of them and finds the
credentials where each one's own tools do (AWS_ACCESS_KEY_ID, AWS_ENDPOINT ..., a service account, the machine's role).
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from slipcast.core.errors import BadInput

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_ADDRESS = re.compile(r"(s3a?|gs|az|azure|abfss?|file)://.+", re.IGNORECASE)


def is_address(word: object) -> bool:
    """Whether this is the address of something in an object store.

    >>> is_address("s3://figurines/owl.png"), is_address("figurines/owl.png")
    (True, False)
    """
    return isinstance(word, str) and _ADDRESS.fullmatch(word) is not None


def read_address(address: str) -> bytes:
    """The content at an address. Raises BadInput when it is not there, or the store cannot be reached."""
    import obstore

    folder, _, name = address.rpartition("/")
    try:
        return bytes(obstore.get(_store(folder), name).bytes())
    except FileNotFoundError:
        raise BadInput(f"{address} does not exist; give the address of a picture file") from None
    except _errors() as problem:
        raise _unreachable(address, problem) from None


def list_addresses(folder: str, suffixes: tuple[str, ...]) -> Iterator[str]:
    """The addresses of the files right in `folder` that end so, sorted. Raises BadInput as `read_address`."""
    import obstore

    try:
        found = obstore.list_with_delimiter(_store(folder))["objects"]
    except _errors() as problem:
        raise _unreachable(folder, problem) from None
    names = sorted(str(entry["path"]).rpartition("/")[2] for entry in found)
    return (f"{folder.rstrip('/')}/{name}" for name in names if name.lower().endswith(suffixes))


def write_addresses(folder: str, files: Mapping[str, bytes], *, last: str) -> tuple[str, ...]:
    """Write `files` into `folder`; the one called `last` when all others are there, so that it says that all are.

    A store has no rename of many: a writer that dies leaves files without their `last`, which are written again.
    Raises BadInput when the store does not take them.
    """
    import obstore

    order = [name for name in files if name != last] + [last]
    try:
        for name in order:
            obstore.put(_store(folder), name, files[name])
    except _errors() as problem:
        raise _unreachable(folder, problem) from None
    return tuple(f"{folder.rstrip('/')}/{name}" for name in files)


def read_json(address: str) -> dict[str, Any]:
    """The JSON object at an address; empty where there is none, or something else."""
    try:
        found = json.loads(read_address(address))
    except (BadInput, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def check_address(address: str) -> None:
    """Refuse, before any work, an address that cannot be opened; BadInput names it and the cure."""
    if find_spec("obstore") is None:
        raise BadInput(f"{address} needs obstore, which is not installed; run: pip install obstore")
    try:
        _store(address)
    except _errors() as problem:
        raise _unreachable(address, problem) from None


@lru_cache(64)
def _store(folder: str) -> "ObjectStore":
    from obstore.store import LocalStore, from_url

    if folder.lower().startswith("file:"):
        from pathlib import Path
        from urllib.parse import urlsplit
        from urllib.request import url2pathname

        return LocalStore(prefix=Path(url2pathname(urlsplit(folder).path)), mkdir=True)
    return from_url(folder)


def _errors() -> tuple[type[Exception], ...]:
    from obstore.exceptions import BaseError

    return (BaseError, OSError, ValueError)


def _unreachable(address: str, problem: Exception) -> BadInput:
    reason = (str(problem).strip().splitlines() or [type(problem).__name__])[0][:200]
    return BadInput(f"{address} cannot be used: {reason}; check the address and the store's credentials")
