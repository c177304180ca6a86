"""The Gemini client with the real SDK, against a stand-in server on this machine."""

import base64
import io
import logging
import pickle
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from standin import Standin

from slipcast.core.errors import (
    BadAnswer,
    BadInput,
    PictureRefused,
    ProviderError,
    ProviderTimeout,
    QuotaExceeded,
    SlipcastError,
)
from slipcast.generate.providers.gemini.answers import REASONS, decode, read_answer
from slipcast.generate.providers.gemini.errors import STATUS_RULES, clean, from_status
from slipcast.generate.providers.gemini.provider import Gemini, GeminiOptions
from slipcast.generate.request import (
    Again,
    Billed,
    CallFailed,
    PictureAnswer,
    PictureRequest,
    Reference,
    Secret,
    State,
)

KEY = "AIzaSyD-this-is-not-a-real-key-123456789"
ASK = PictureRequest(text="a figurine of a fox", model="gemini-nano-banana-2.1")


@pytest.fixture(scope="module")
def server() -> Iterator[Standin]:
    with Standin() as standin:
        yield standin


@pytest.fixture(autouse=True)
def _fresh(server: Standin, _loop: None) -> None:
    server.calls.clear()
    server._queue.clear()


@pytest.fixture(scope="module")
def _loop() -> Iterator[None]:
    """One event loop and one client a set of options: to make a client takes longer than a call."""
    global _portal
    with start_blocking_portal() as _portal:
        yield
        for gemini in _clients.values():
            _portal.call(gemini.aclose)
        _clients.clear()


_portal: BlockingPortal
_clients: dict[str, Gemini] = {}


def ask(
    server: Standin,
    *scenarios: str,
    request: PictureRequest = ASK,
    told: list[Any] | None = None,
    **options: Any,
) -> PictureAnswer:
    """One call with one scenario."""
    server.queue(*scenarios)
    gemini = _clients.get(repr(options))
    if gemini is None:
        gemini = Gemini(GeminiOptions(**(dict[str, Any](key=Secret(KEY), base_url=server.url) | options)))
        _clients[repr(options)] = gemini
    noted: list[Any] = [] if told is None else told
    return _portal.call(gemini.ask, request, lambda state, tokens: noted.append((state, tokens)))


def failure(server: Standin, *scenarios: str, **options: Any) -> CallFailed:
    with pytest.raises(CallFailed) as caught:
        ask(server, *scenarios, **options)
    assert KEY not in f"{caught.value!r} {caught.value.error}"
    assert caught.value.__cause__ is None
    return caught.value


def test_a_picture_arrives_whole_with_its_facts(server: Standin) -> None:
    answer = ask(server, "ok")
    assert (answer.mime, answer.width_px, answer.height_px) == ("image/png", 1024, 1024)
    assert answer.model_version == ASK.model
    assert answer.response_id.startswith("resp")
    assert answer.usage.image_out == 1120
    assert answer.usage.text_out == 180  # thinking is billed as text
    assert Image.open(io.BytesIO(answer.data)).size == (1024, 1024)


def test_what_is_sent_is_what_the_api_wants(server: Standin) -> None:
    picture = base64.b64decode("iVBORw0KGgo=")
    request = PictureRequest(
        text="turn it",
        model="gemini-3-pro-image",
        ratio="3:4",
        size="2K",
        references=(Reference(data=picture, mime="image/png"),),
    )
    ask(server, "ok", request=request)
    call = server.calls[-1]
    assert call.path == "/v1beta/models/gemini-3-pro-image:generateContent"
    config = call.body["generationConfig"]
    assert config["responseModalities"] == ["IMAGE"]
    assert config["imageConfig"] == {"aspectRatio": "3:4", "imageSize": "2K"}
    assert not {"temperature", "seed", "responseMimeType", "candidateCount", "maxOutputTokens"} & set(config)
    (turn,) = call.body["contents"]
    assert turn["role"] == "user"
    assert [set(part) for part in turn["parts"]] == [{"inlineData"}, {"text"}]
    assert call.headers["x-goog-api-key"] == KEY


@pytest.mark.parametrize(
    ("scenario", "error", "again", "billed", "words"),
    [
        ("400", BadInput, Again.NEVER, Billed.NO, "malformed"),
        ("400_key", ProviderError, Again.NEVER, Billed.NO, "GEMINI_API_KEY"),
        ("400_region", ProviderError, Again.NEVER, Billed.NO, "region"),
        ("401", ProviderError, Again.NEVER, Billed.NO, "credentials"),
        ("402", ProviderError, Again.NEVER, Billed.NO, "billing"),
        ("403", ProviderError, Again.NEVER, Billed.NO, "region"),
        ("404", BadInput, Again.NEVER, Billed.NO, "another model"),
        ("408", ProviderTimeout, Again.BACKOFF, Billed.NO, "try again"),
        ("413", BadInput, Again.NEVER, Billed.NO, "references"),
        ("422", BadInput, Again.NEVER, Billed.NO, "prompt"),
        ("429:retry=7", QuotaExceeded, Again.AFTER, Billed.NO, "quota"),
        ("429_plain", QuotaExceeded, Again.BACKOFF, Billed.NO, "quota"),
        ("429_daily", QuotaExceeded, Again.NEVER, Billed.NO, "midnight Pacific"),
        ("429_free", QuotaExceeded, Again.NEVER, Billed.NO, "billing"),
        ("500", ProviderError, Again.BACKOFF, Billed.NO, "later"),
        ("html_502", ProviderError, Again.BACKOFF, Billed.MAYBE, "gateway"),
        ("503", ProviderError, Again.BACKOFF, Billed.NO, "overloaded"),
        ("504", ProviderTimeout, Again.BACKOFF, Billed.MAYBE, "in time"),
        ("drop", ProviderError, Again.BACKOFF, Billed.MAYBE, "broke off"),
        ("drop_body", ProviderError, Again.BACKOFF, Billed.MAYBE, "broke off"),
        ("bad_json", BadAnswer, Again.BACKOFF, Billed.MAYBE, "damaged"),
        ("empty_body", BadAnswer, Again.BACKOFF, Billed.NO, "without a picture"),
        ("cut_base64", BadAnswer, Again.BACKOFF, Billed.MAYBE, "damaged"),
        ("bad_base64", BadAnswer, Again.BACKOFF, Billed.MAYBE, "damaged"),
        ("cut_base64:mod=0", BadAnswer, Again.BACKOFF, Billed.YES, "damaged picture"),
        ("cut_png", BadAnswer, Again.BACKOFF, Billed.YES, "damaged picture"),
        ("not_png", BadAnswer, Again.BACKOFF, Billed.YES, "not a PNG"),
        ("empty_data", BadAnswer, Again.BACKOFF, Billed.YES, "empty"),
        ("text_only", BadAnswer, Again.BACKOFF, Billed.MAYBE, "Which view"),
        ("no_candidates", BadAnswer, Again.BACKOFF, Billed.MAYBE, "without a picture"),
        ("no_image", BadAnswer, Again.BACKOFF, Billed.MAYBE, "NO_IMAGE"),
        ("image_other", BadAnswer, Again.BACKOFF, Billed.MAYBE, "IMAGE_OTHER"),
        ("other", BadAnswer, Again.BACKOFF, Billed.MAYBE, "OTHER"),
        ("malformed", BadAnswer, Again.BACKOFF, Billed.MAYBE, "malformed"),
        ("max_tokens", BadAnswer, Again.NEVER, Billed.MAYBE, "shorten"),
        ("image_safety", PictureRefused, Again.NEVER, Billed.MAYBE, "reword"),
        ("image_prohibited", PictureRefused, Again.NEVER, Billed.MAYBE, "reword"),
        ("prohibited", PictureRefused, Again.NEVER, Billed.MAYBE, "reword"),
        ("safety", PictureRefused, Again.NEVER, Billed.MAYBE, "reword"),
        ("recitation", PictureRefused, Again.NEVER, Billed.MAYBE, "brands"),
        ("image_recitation", PictureRefused, Again.NEVER, Billed.MAYBE, "brands"),
        ("block:reason=PROHIBITED_CONTENT", PictureRefused, Again.NEVER, Billed.NO, "reword"),
        ("block:reason=OTHER", PictureRefused, Again.NEVER, Billed.NO, "without a reason"),
        ("block:reason=JAILBREAK", PictureRefused, Again.NEVER, Billed.NO, "attack"),
    ],
)
def test_every_fault_becomes_one_of_our_errors(
    server: Standin, scenario: str, error: type[SlipcastError], again: Again, billed: Billed, words: str
) -> None:
    failed = failure(server, scenario)
    assert type(failed.error) is error, failed.error
    assert (failed.again, failed.billed) == (again, billed), failed.error
    assert words in str(failed.error)
    assert "\n" not in str(failed.error)
    assert len(str(failed.error)) < 330


@pytest.mark.filterwarnings("ignore:A_REASON_OF_2027 is not a valid FinishReason")
@pytest.mark.filterwarnings("ignore:A_BLOCK_OF_2027 is not a valid BlockedReason")
def test_a_reason_of_the_future_is_no_crash(server: Standin) -> None:
    failed = failure(server, "new_reason")
    assert isinstance(failed.error, BadAnswer)
    assert "A_REASON_OF_2027" in str(failed.error)
    assert "A_BLOCK_OF_2027" in str(failure(server, "block:reason=A_BLOCK_OF_2027").error)


def test_quota_waits_and_hopes_only_where_there_is_hope(server: Standin) -> None:
    assert failure(server, "429:retry=7.5").wait_s == 7.5
    assert failure(server, "429_plain:after=3").wait_s == 3  # a gateway's header
    busy = failure(server, "503:after=2")
    assert (busy.again, busy.wait_s) == (Again.AFTER, 2)
    assert failure(server, "503:after=Sunday").again is Again.BACKOFF
    assert failure(server, "400:after=2").again is Again.NEVER
    assert failure(server, "429_daily").daily
    assert failure(server, "429_free").daily


def test_drafts_and_several_pictures_give_the_last_finished_one(server: Standin) -> None:
    for scenario, pictures in (("thoughts", 1), ("three", 3)):
        answer = ask(server, scenario)
        assert (answer.width_px, answer.pictures) == (1024, pictures)  # drafts and first ones are 512 px


def test_a_jpeg_is_kept_as_it_came(server: Standin) -> None:
    answer = ask(server, "jpeg")
    assert answer.mime == "image/jpeg"
    assert answer.data[:2] == b"\xff\xd8"


def test_a_trickle_is_cut_off_by_the_wall_clock(server: Standin) -> None:
    begun = time.monotonic()
    failed = failure(server, "trickle:bytes=60", call_s=0.5)  # 6 s, never 0.5 s without a byte
    assert isinstance(failed.error, ProviderTimeout)
    assert failed.billed is Billed.MAYBE
    assert time.monotonic() - begun < 4


def test_nothing_listening(server: Standin) -> None:
    failed = failure(server, base_url="http://127.0.0.1:9")
    assert "cannot be reached" in str(failed.error)
    assert failed.billed is Billed.NO


def test_a_stream_gives_the_same_and_tells_tokens(server: Standin) -> None:
    told: list[tuple[State, int]] = []
    answer = ask(server, "thoughts", told=told, stream=True)
    assert (answer.width_px, answer.usage.image_out) == (1024, 1120)
    assert "stream" in server.calls[-1].path
    assert told[0] == (State.SENT, 0)
    assert told[-2][0] is State.RECEIVING
    assert told[-2][1] > 1120
    assert told[-1] == (State.CHECKING, 0)
    assert failure(server, "stream_drop", stream=True).billed is Billed.MAYBE
    assert failure(server, "503", stream=True).sick
    assert isinstance(failure(server, "no_image", stream=True).error, BadAnswer)


def test_vertex_names_its_place(server: Standin) -> None:
    from google.oauth2.credentials import Credentials

    credentials = Credentials(token="ya29.not-a-real-token")  # type: ignore[no-untyped-call]
    place: dict[str, Any] = {
        "vertex_project": "studio",
        "vertex_location": "europe-west4",
        "credentials": credentials,
    }
    gemini = Gemini(GeminiOptions(**place))
    assert gemini.endpoint == "vertex:studio/europe-west4"
    assert ask(server, "ok", **place).width_px == 1024
    assert "/projects/studio/locations/europe-west4/publishers/google/models/" in server.calls[-1].path
    assert "ya29" not in repr(gemini)


def test_no_key_names_both_ways() -> None:
    with pytest.raises(BadInput, match=r"GEMINI_API_KEY.*provider=folder"):
        Gemini()


def test_the_key_comes_from_the_environment_too(server: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", KEY)

    ask(server, "ok", key=None)
    assert server.calls[-1].headers["x-goog-api-key"] == KEY


def test_the_key_is_nowhere_to_be_read(server: Standin, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    options = GeminiOptions(key=Secret(KEY), base_url=server.url)
    gemini = Gemini(options)
    failed = failure(server, "echo_key")  # a server that repeats the key in its message
    ask(server, "ok")
    failure(server, "401")
    seen = [
        repr(gemini),
        str(gemini),
        repr(options),
        str(options),
        str(failed),
        repr(failed),
        str(failed.error),
    ]
    assert KEY not in " ".join(seen) + caplog.text
    assert "***" in str(failed.error)
    with pytest.raises(TypeError):
        pickle.dumps(options.key)


def test_texts_from_outside_are_tamed() -> None:
    assert clean("<html><title>502\nBad</title>\x1b[31m") == "502 Bad [31m"
    assert clean("token=abcdefghijklmnopqrstuvwxyz") == "***"
    assert len(clean("x" * 1000)) == 160
    assert clean("") == "no message"


def test_every_listed_status_and_any_other_has_a_sentence() -> None:
    for code in (*STATUS_RULES, 418, 451, 507, 599):
        failed = from_status(code, "said", None, model="m")
        assert str(code) in str(failed.error) or code == 429


def test_every_reason_of_the_sdk_is_in_the_table() -> None:
    from google.genai import types

    reasons = {r.name for r in types.FinishReason} | {r.name for r in types.BlockedReason}
    assert reasons <= set(REASONS), reasons - set(REASONS)


@pytest.mark.parametrize("kind", ["finish", "block"])
def test_every_reason_of_the_sdk_comes_through_as_ours(server: Standin, kind: str) -> None:
    from google.genai import types

    for reason in types.FinishReason if kind == "finish" else types.BlockedReason:
        failed = failure(server, f"{kind}:reason={reason.name}")
        assert type(failed.error) in (BadAnswer, PictureRefused, BadInput), reason
        if not reason.name.endswith("UNSPECIFIED") and reason.name not in ("STOP", "OTHER"):
            assert reason.name in str(failed.error)
        if kind == "block":
            assert failed.billed is Billed.NO


def test_an_empty_answer_is_not_a_picture() -> None:
    from google.genai import types

    with pytest.raises(CallFailed, match="without a picture"):
        read_answer(types.GenerateContentResponse())


PART = st.fixed_dictionaries(
    {},
    optional={
        "text": st.text(max_size=20),
        "thought": st.booleans(),
        "inlineData": st.fixed_dictionaries(
            {"mimeType": st.sampled_from(["image/png", "text/plain", ""])},
            optional={"data": st.binary(max_size=30).map(lambda data: base64.b64encode(data).decode())},
        ),
    },
)
ANSWER = st.fixed_dictionaries(
    {},
    optional={
        "candidates": st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "finishReason": st.sampled_from(sorted(REASONS)),
                    "content": st.fixed_dictionaries({}, optional={"parts": st.lists(PART, max_size=3)}),
                },
            ),
            max_size=2,
        ),
        "usageMetadata": st.fixed_dictionaries(
            {}, optional={"promptTokenCount": st.integers(0, 9), "candidatesTokenCount": st.integers(0, 9)}
        ),
    },
)


@settings(deadline=None, max_examples=100)
@pytest.mark.filterwarnings("ignore:.* is not a valid FinishReason")
@given(ANSWER)
def test_no_answer_at_all_breaks_anything(answer: dict[str, Any]) -> None:
    from google.genai import types

    with pytest.raises(CallFailed) as caught:  # none of these holds a picture
        read_answer(types.GenerateContentResponse.model_validate(answer))
    assert isinstance(caught.value.error, SlipcastError)


def test_every_prefix_of_a_picture_is_refused() -> None:
    out = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(out, "PNG")
    whole = out.getvalue()
    assert decode(whole) == ("", "image/png", 256, 256)
    for length in range(0, len(whole) - 12, 29):  # the last 12 bytes say only that nothing follows
        assert decode(whole[:length])[0], length


def test_a_picture_of_absurd_size_is_refused() -> None:
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0))
    assert "pixels than" in decode(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", b""))[0]


def test_importing_slipcast_leaves_the_sdk_alone() -> None:
    code = (
        "import sys, slipcast, slipcast.generate.studio, slipcast.generate.prompt;"
        "import slipcast.generate.providers.gemini.provider, slipcast.generate.providers.table;"
        "heavy = {'google.genai', 'httpx2', 'pyrate_limiter', 'purgatory', 'torch'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(
    "url",
    ["https://gate.example/v1?key=s3cret", "https://me:s3cret@gate.example", "https://s3cret@gate.example"],
)
def test_an_address_with_a_secret_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(BadInput, match=r"gate\.example") as caught:
        GeminiOptions(base_url=url)
    assert "s3cret" not in str(caught.value)
    assert "GEMINI_API_KEY" in str(caught.value)
