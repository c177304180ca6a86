"""The table of picture providers.

`gemini` buys pictures; `folder` takes them from the disk, for trying everything without a key and for pictures that
were made elsewhere. A new provider is a class like `calls.Provider` in a file of its own and a row here.
"""

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from slipcast.core.errors import BadInput
from slipcast.generate.providers.gemini.answers import decode
from slipcast.generate.providers.gemini.provider import Gemini, GeminiOptions
from slipcast.generate.request import CallFailed, PictureAnswer, PictureRequest, Provider, State

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
"""What `folder` takes for pictures."""


class Row(NamedTuple):
    """One provider."""

    open: Callable[[GeminiOptions, Path | None], Provider]
    paid: bool
    sentence: str


class Folder:
    """The provider `folder`: each request gets a picture from a folder.

    A file whose stem is the request's name is taken first; otherwise the request's text chooses, so that equal
    requests get equal pictures.
    """

    paid = False
    endpoint = "folder"

    def __init__(self, pictures: Path | None) -> None:
        """Raise BadInput when there is no picture to take."""
        if pictures is None:
            raise BadInput(
                "pictures is not given; name a picture or a folder of them, which the provider takes",
                field="pictures",
            )
        files = [pictures] if pictures.is_file() else sorted(pictures.iterdir()) if pictures.is_dir() else []
        self.files = [f for f in files if f.suffix.lower() in SUFFIXES]
        if not self.files:
            raise BadInput(f"{pictures} holds no picture; give a folder with {', '.join(SUFFIXES)} files")

    async def ask(self, request: PictureRequest, watch: Callable[[State, int], None]) -> PictureAnswer:
        """The picture for `request`. Raises CallFailed for a file that cannot be read."""
        digest = int.from_bytes(hashlib.sha256(f"{request.text}|{request.take}".encode()).digest()[:4])
        named = [f for f in self.files if request.name and f.stem == request.name]
        path = named[0] if named else self.files[digest % len(self.files)]
        watch(State.CHECKING, 0)
        try:
            data = await asyncio.to_thread(path.read_bytes)
        except OSError as error:
            raise CallFailed(BadInput(f"{path} cannot be read ({error.strerror}); check it")) from None
        problem, mime, width_px, height_px = await asyncio.to_thread(decode, data)
        if problem:
            raise CallFailed(BadInput(f"{path} is {problem}; replace it"))
        return PictureAnswer(
            data=data, mime=mime, width_px=width_px, height_px=height_px, response_id=path.name
        )

    async def aclose(self) -> None:
        """Nothing to let go of."""


PROVIDERS: dict[str, Row] = {
    "gemini": Row(
        lambda gemini, _: Gemini(gemini), True, "Google's Gemini image models, by API key or Vertex"
    ),
    "folder": Row(lambda _, pictures: Folder(pictures), False, "pictures from the disk, free of charge"),
}


def open_provider(
    name: str, *, gemini: GeminiOptions | None = None, pictures: Path | None = None
) -> Provider:
    """The provider `name`. Raises BadInput when it is not in the table or lacks its key or folder."""
    if name not in PROVIDERS:
        raise BadInput(
            f"provider {name!r} is not known; choose one of {', '.join(PROVIDERS)}", field="provider"
        )
    return PROVIDERS[name].open(gemini or GeminiOptions(), pictures)
