"""Where files lie: a folder on one machine, an object store for several; obstore speaks to both.

Content-addressed and per tenant: `TENANT/ab/abcdef...`, named by sha256, so that a name that a client chose never
touches a path, equal content is stored once for a tenant and never shared between two, and a file never changes (any
cache may keep it for ever).
"""

import hashlib
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

import obstore
from obstore.exceptions import GenericError
from obstore.store import LocalStore, ObjectStore, from_url

from slipcast.core.errors import BadInput, DiskFull

if TYPE_CHECKING:
    from obstore import GetOptions

_TENANT = re.compile(r"[a-z0-9_-]{1,64}")
_SHA = re.compile(r"[0-9a-f]{64}")


class Store:
    """All tenants' files."""

    def __init__(self, url: str) -> None:
        """Open it; a folder is made when absent. Raises BadInput for an address that cannot be opened."""
        self.url = url
        self.objects: ObjectStore
        try:
            if url.startswith("file:"):
                folder = Path(url2pathname(urlsplit(url).path))
                self.objects = LocalStore(prefix=folder, mkdir=True)
            else:
                self.objects = from_url(url)
        except Exception as problem:  # noqa: BLE001 - obstore's errors share no base with a name
            raise BadInput(
                f"the store {url.split('?')[0]} cannot be opened: {str(problem).splitlines()[0]}"
            ) from None

    def put(self, tenant: str, data: bytes) -> str:
        """Keep `data`; returns its sha256. Whole or not at all; raises DiskFull when there is no room.

        What is there already is written again: it becomes young, so that no sweep takes it for forgotten.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        try:
            obstore.put(self.objects, _place(tenant, sha256), data)
        except (GenericError, OSError) as problem:
            if "No space left" in str(problem) or "os error 28" in str(problem):
                raise DiskFull("the store has no room for the file; free some space") from None
            raise
        return sha256

    def get(self, tenant: str, sha256: str) -> bytes:
        """The content. Raises FileNotFoundError when it is not there."""
        return bytes(obstore.get(self.objects, _place(tenant, sha256)).bytes())

    def chunks(self, tenant: str, sha256: str, part: tuple[int, int] | None = None) -> Iterator[bytes]:
        """The content, or the bytes from `part[0]` up to `part[1]` of it, in pieces.

        Raises FileNotFoundError, before the first one, when it is not there.
        """
        options: GetOptions = {"range": part} if part else {}
        found = obstore.get(self.objects, _place(tenant, sha256), options=options)
        return (bytes(chunk) for chunk in found.stream(min_chunk_size=1 << 18))

    def has(self, tenant: str, sha256: str) -> bool:
        """Whether it is there."""
        try:
            obstore.head(self.objects, _place(tenant, sha256))
        except FileNotFoundError:
            return False
        return True

    def delete(self, tenant: str, sha256: str) -> None:
        """Remove it; it is no error when it is not there."""
        with suppress(FileNotFoundError):
            obstore.delete(self.objects, _place(tenant, sha256))

    def stored(self, tenant: str = "") -> Iterator[tuple[str, str, int, float]]:
        """(tenant, sha256, bytes, seconds since 1970) of everything that is there."""
        prefix = f"{_checked(_TENANT, tenant)}/" if tenant else None
        for batch in obstore.list(self.objects, prefix=prefix):
            for entry in batch:
                parts = entry["path"].split("/")
                if len(parts) == 3 and _SHA.fullmatch(parts[2]):
                    yield parts[0], parts[2], entry["size"], entry["last_modified"].timestamp()

    def check(self) -> None:
        """Raise an error when the store cannot be reached."""
        next(iter(obstore.list(self.objects, prefix="none", chunk_size=1)), None)


def _place(tenant: str, sha256: str) -> str:
    return f"{_checked(_TENANT, tenant)}/{_checked(_SHA, sha256)[:2]}/{sha256}"


def _checked(pattern: re.Pattern[str], word: str) -> str:
    if not pattern.fullmatch(word):
        raise ValueError(f"{word!r} cannot be part of a path in the store")
    return word
