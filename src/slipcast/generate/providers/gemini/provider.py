"""PictureRequest -> PictureAnswer from Google's Gemini image models, by google-genai 3.4.

Both doors: the Gemini Developer API with a key, and Vertex (Agent Platform) with project and location, for
those who must say where their data is worked on. One call is one picture: several prompts in one call
become one prompt, and candidate_count is limited to 1. The SDK's own retry stays off (it ignores RetryInfo
and repeats hopeless quota errors) and so does its automatic continuation (further, billed requests); its
timeout is per read, so that a wall-clock limit lies around each call. Temperature and seed are not sent:
they are deprecated and promise nothing.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from slipcast.core.errors import BadInput
from slipcast.core.options import Rule, check, flag, instance, real, show, text
from slipcast.generate.providers.gemini.answers import read_answer
from slipcast.generate.providers.gemini.errors import (
    clean,
    from_status,
    from_transport,
    pass_deadline,
    unreadable,
)
from slipcast.generate.request import CallFailed, PictureAnswer, PictureRequest, Secret, State

if TYPE_CHECKING:
    from google.auth.credentials import Credentials
    from google.genai import Client
    from google.genai.types import GenerateContentConfig, GenerateContentResponse, Part

NO_KEY = (
    "no API key is set: put one from aistudio.google.com into the environment variable GEMINI_API_KEY, "
    "or use pictures from disk with"
)
Tell = Callable[[State, int], None]


@dataclass(frozen=True, kw_only=True)
class GeminiOptions:
    """How Gemini is reached.

    >>> GeminiOptions(call_s=60).call_s
    60.0
    """

    key: Secret | None = None
    """API key; GEMINI_API_KEY or GOOGLE_API_KEY from the environment by default."""
    base_url: str = ""
    """Another address than Google's: a gateway, or a stand-in for tests."""
    api_version: str = ""
    """`v1beta` by default, since v1 refused picture settings; Vertex has its own default."""
    vertex_project: str = ""
    """Google Cloud project; set, Vertex is used instead of the Developer API."""
    vertex_location: str = "global"
    """`europe-west4`, `eu`, `us` ...: where the data is worked on; `global` promises no place."""
    credentials: "Credentials | None" = None
    """For Vertex; the machine's own (ADC) by default."""
    call_s: float = 180.0
    """Wall-clock limit of one call."""
    stream: bool = False
    """Ask for a stream, which tells tokens on the way; a picture comes no sooner by it."""

    def __post_init__(self) -> None:
        check(
            self,
            key=instance(Secret).or_none(),
            base_url=text(example="https://gateway.example", empty=True),
            api_version=text(example="v1beta", empty=True),
            vertex_project=text(example="my-project", empty=True),
            vertex_location=text(example="europe-west4"),
            credentials=_credentials().or_none(),
            call_s=real(0.001, 86_400, example=180, unit="seconds"),
            stream=flag(),
        )
        try:
            parts = urlsplit(self.base_url)
            fits = not self.base_url or (parts.scheme in ("http", "https") and bool(parts.hostname))
        except ValueError:
            fits = False
        if not fits:
            raise BadInput(
                f"base_url is {show(self.base_url)}; give an address, for instance https://gateway.example",
                field="base_url",
            )
        if parts.username or parts.password or parts.query:  # the address is shown, and a secret must not be
            raise BadInput(
                f"base_url of {parts.hostname} holds credentials or a query; give the address alone, and the "
                "key in the environment variable GEMINI_API_KEY",
                field="base_url",
            )


def _credentials() -> Rule:
    """Google's credentials: what can add itself to a call, known by that so that the library need not be loaded."""

    def fit(value: object) -> object:
        if not callable(getattr(value, "before_request", None)):
            raise ValueError
        return value

    return Rule(fit, "google.auth credentials")


class Gemini:
    """The provider `gemini`."""

    paid = True

    def __init__(self, options: GeminiOptions | None = None) -> None:
        """Raise BadInput when neither a key nor a Vertex project is set. Opens no connection."""
        self.options = options or GeminiOptions()
        self._key = None if self.options.vertex_project else _key_of(self.options)
        self._client: Client | None = None

    def __repr__(self) -> str:
        return f"Gemini({self.endpoint})"

    @property
    def endpoint(self) -> str:
        """`gemini`, `gemini@host` for another address, `vertex:project/location`."""
        o = self.options
        if o.vertex_project:
            return f"vertex:{o.vertex_project}/{o.vertex_location}"
        base = o.base_url or os.environ.get("GOOGLE_GEMINI_BASE_URL", "")
        return f"gemini@{urlsplit(base).hostname}" if base else "gemini"

    @property
    def host(self) -> str:
        """For messages: whom we talk to, without port, path or credentials."""
        return urlsplit(self.options.base_url).hostname or "Gemini"

    @property
    def client(self) -> "Client":
        """The SDK's client, made on first use."""
        if self._client is None:
            self._client = self._connect()
        return self._client

    async def ask(self, request: PictureRequest, watch: Tell) -> PictureAnswer:
        """Ask once for one picture. Raises CallFailed, whose error says what to do."""
        failed: CallFailed | None = None
        try:
            async with asyncio.timeout(self.options.call_s):
                response = await self._send(request, watch)
        except TimeoutError:
            failed = pass_deadline(self.host)
        except foreign_errors() as problem:
            failed = self.explain(problem, request.model)
        if failed is not None:  # raised out here, so that no foreign error with its request hangs on it
            raise failed
        watch(State.CHECKING, 0)
        return await asyncio.to_thread(read_answer, response)

    def explain(self, problem: BaseException, model: str) -> CallFailed:
        """The failure that one of `foreign_errors` means."""
        from google.auth.exceptions import GoogleAuthError
        from google.genai import errors

        if isinstance(problem, errors.APIError):
            said = problem.message or problem.status
            headers = getattr(problem.response, "headers", None) or {}
            after = str(headers.get("retry-after", ""))
            found = from_status(problem.code or 0, said, problem.details, model=model, retry_after=after)
        elif isinstance(problem, GoogleAuthError):
            found = CallFailed(
                BadInput(f"Google Cloud credentials do not work ({clean(problem)}); log in anew")
            )
        elif isinstance(problem, ValueError):  # half a JSON, base64 that cannot be read
            found = unreadable(problem)
        else:
            found = from_transport(problem, host=self.host)
        return self._without_key(found)

    def _without_key(self, failed: CallFailed) -> CallFailed:
        """`failed`, its sentence free of the key that a server may have repeated."""
        key = self._key.reveal() if self._key else ""
        if key and key in str(failed.error):
            failed.error = type(failed.error)(str(failed.error).replace(key, "***"))
            failed.args = (str(failed.error),)
        return failed

    async def aclose(self) -> None:
        """Close the connections. A later call opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.aio.aclose()
            client.close()

    def _connect(self) -> "Client":
        from google.genai import Client, types

        o = self.options
        local = urlsplit(o.base_url).hostname in ("127.0.0.1", "localhost", "::1")
        args = (
            {"trust_env": False} if local else None
        )  # a proxy from the environment would catch this machine too
        http = types.HttpOptions(
            base_url=o.base_url or None,
            api_version=o.api_version or (None if o.vertex_project else "v1beta"),
            timeout=int(o.call_s * 1000),
            client_args=args,
            async_client_args=args,
        )
        if o.vertex_project:
            return Client(
                enterprise=True,
                project=o.vertex_project,
                location=o.vertex_location,
                credentials=o.credentials,
                http_options=http,
            )
        assert self._key is not None
        return Client(enterprise=False, api_key=self._key.reveal(), http_options=http)

    async def _send(self, request: PictureRequest, watch: Tell) -> "GenerateContentResponse":
        models = self.client.aio.models
        parts: Any = contents_of(request)  # the SDK's union of a dozen types is invariant
        config = config_of(request)
        watch(State.SENT, 0)
        if not self.options.stream:
            return await models.generate_content(model=request.model, contents=parts, config=config)
        whole: GenerateContentResponse | None = None
        async for chunk in await models.generate_content_stream(
            model=request.model, contents=parts, config=config
        ):
            whole = chunk if whole is None else join_chunks(whole, chunk)
            seen = whole.usage_metadata
            watch(State.RECEIVING, (seen.total_token_count or 0) if seen else 0)
        if whole is None:
            raise json.JSONDecodeError("the stream ended before it began", "", 0)
        return whole


def foreign_errors() -> tuple[type[Exception], ...]:
    """What google-genai 3.4 was seen to raise for a call: its own, httpx2's, pydantic's and json's ValueErrors."""
    import httpx2
    from google.auth.exceptions import GoogleAuthError
    from google.genai import errors

    aiohttp = sys.modules.get("aiohttp")  # where it is installed, the SDK prefers it to httpx2
    faster = (aiohttp.ClientError,) if aiohttp else ()
    return (
        errors.APIError,
        httpx2.HTTPError,
        httpx2.InvalidURL,
        GoogleAuthError,
        ValueError,
        OSError,
        *faster,
    )


def contents_of(request: PictureRequest) -> "list[Part]":
    """One user turn: the references, then the text (a picture of the user's own needs no thought
    signature)."""
    from google.genai import types

    pictures = [types.Part.from_bytes(data=r.data, mime_type=r.mime) for r in request.references]
    return [*pictures, types.Part.from_text(text=request.text)]


def config_of(request: PictureRequest) -> "GenerateContentConfig":
    """The settings of a call: pictures only, with ratio and size."""
    from google.genai import types

    level = types.ThinkingLevel(request.thinking.upper()) if request.thinking else None
    return types.GenerateContentConfig(
        response_modalities=["IMAGE"],
        image_config=types.ImageConfig(aspect_ratio=request.ratio, image_size=request.size),
        thinking_config=types.ThinkingConfig(thinking_level=level) if level else None,
        automatic_continuation=False,
    )


def join_chunks(
    whole: "GenerateContentResponse", chunk: "GenerateContentResponse"
) -> "GenerateContentResponse":
    """Two pieces of a stream as one answer: parts in order, the rest from the later piece where it says
    something."""
    later = chunk.candidates[0] if chunk.candidates else None
    if later is None:
        return whole.model_copy(update=_say(chunk))
    earlier = whole.candidates[0] if whole.candidates else later
    before = (earlier.content.parts if earlier.content and earlier is not later else None) or []
    after = (later.content.parts if later.content else None) or []
    content = later.content or earlier.content
    if content is not None:
        content = content.model_copy(update={"parts": [*before, *after]})
    candidate = later.model_copy(
        update={"content": content, "finish_reason": later.finish_reason or earlier.finish_reason}
    )
    return whole.model_copy(update={**_say(chunk), "candidates": [candidate]})


def _say(chunk: "GenerateContentResponse") -> dict[str, object]:
    names = ("usage_metadata", "prompt_feedback", "response_id", "model_version")
    return {name: value for name in names if (value := getattr(chunk, name)) is not None}


def _key_of(options: GeminiOptions) -> Secret:
    if options.key is not None:
        return options.key
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY"):
        if found := os.environ.get(name, "").strip():
            return Secret(found)
    raise BadInput(NO_KEY, cure="provider=folder")
