"""What went wrong in a call -> CallFailed: the one door at which foreign errors stop.

Seen with google-genai 3.4: API errors are `errors.APIError` with code, status and details; transport
errors are httpx2's; half a JSON is a ValueError; the SDK's own retry would ignore RetryInfo and repeat
hopeless daily quotas, so that it stays off. Texts from outside are shortened, freed of control characters
and of anything like a key.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from slipcast.core.errors import (
    BadAnswer,
    BadInput,
    ProviderError,
    ProviderTimeout,
    QuotaExceeded,
    SlipcastError,
)
from slipcast.generate.request import Again, Billed, CallFailed


class Rule(NamedTuple):
    """What Slipcast does about one HTTP status."""

    error: type[SlipcastError]
    sentence: str
    again: Again = Again.NEVER
    billed: Billed = Billed.NO
    sick: bool = False


_B = Again.BACKOFF

STATUS_RULES: dict[int, Rule] = {
    400: Rule(
        BadInput, "Gemini refused the request as malformed ({said}); check model, ratio, size and references"
    ),
    401: Rule(
        ProviderError, "Gemini did not accept the credentials ({said}); set GEMINI_API_KEY to a valid key"
    ),
    402: Rule(ProviderError, "Gemini wants payment first ({said}); turn billing on for the key's project"),
    403: Rule(
        ProviderError,
        "Gemini denies access ({said}); check the key's project, its region and the API's switch",
    ),
    404: Rule(BadInput, "model {model} is not served at this address ({said}); name another model"),
    408: Rule(
        ProviderTimeout, "Gemini gave up waiting for the request ({said}); try again", _B, Billed.NO, True
    ),
    413: Rule(BadInput, "the request is larger than Gemini takes ({said}); send fewer or smaller references"),
    422: Rule(BadInput, "Gemini cannot work with the request ({said}); check prompt, ratio and size"),
    429: Rule(QuotaExceeded, "Gemini's quota is used up for now ({said}); wait, or set a lower rate", _B),
    499: Rule(ProviderTimeout, "the request was cancelled on the way ({said}); try again", _B, Billed.MAYBE),
    500: Rule(ProviderError, "Gemini failed inside ({said}); try again later", _B, Billed.NO, True),
    502: Rule(
        ProviderError, "a gateway before Gemini failed ({said}); try again later", _B, Billed.MAYBE, True
    ),
    503: Rule(ProviderError, "Gemini is overloaded ({said}); try again later", _B, Billed.NO, True),
    504: Rule(ProviderTimeout, "Gemini did not finish in time ({said}); try again", _B, Billed.MAYBE, True),
}

_KEY_SHAPES = re.compile(
    r"AIza[\w-]{20,}|AQ\.[\w-]{20,}|ya29\.[\w.-]{10,}|(?i:key|bearer|token)[=: ]+[\w.-]{16,}"
)


def from_status(code: int, said: object, details: object, *, model: str, retry_after: str = "") -> CallFailed:
    """The failure for an HTTP status; `said` is the server's message, `details` its decoded JSON body.

    `retry_after` is the header of that name: gateways send it where Google sends RetryInfo.
    """
    shown = clean(said)
    entries = list(_details(details))
    if code == 429:
        return _quota(shown, [*entries, {"retryDelay": f"{retry_after}s"}], model)
    reasons = {str(entry.get("reason", "")) for entry in entries}
    if "API_KEY_INVALID" in reasons or (code == 400 and "api key" in shown.lower()):
        return CallFailed(
            ProviderError(f"Gemini does not know this API key ({shown}); set GEMINI_API_KEY to a valid one")
        )
    if "location is not supported" in shown.lower():
        return CallFailed(
            ProviderError(f"Gemini is not offered in this region ({shown}); use Vertex with a location")
        )
    near = 500 if code >= 500 else 400
    rule = STATUS_RULES.get(code, STATUS_RULES[near])
    error = rule.error(rule.sentence.format(said=f"{code}: {shown}", model=model))
    wait_s = _seconds(f"{retry_after}s") if rule.again is Again.BACKOFF else None
    again = rule.again if wait_s is None else Again.AFTER
    return CallFailed(error, again=again, wait_s=wait_s or 0.0, billed=rule.billed, sick=rule.sick)


def _quota(shown: str, entries: list[Mapping[str, object]], model: str) -> CallFailed:
    """A 429: wait as long as the server says, but never for a quota that does not come back soon."""
    quotas = " ".join(
        str(v.get("quotaId", "")) for entry in entries for v in _listed(entry.get("violations"))
    )
    if "FreeTier" in quotas or re.search(r"limit: 0\b", shown) or "free_tier" in shown:
        return CallFailed(
            QuotaExceeded(f"{model} has no free quota ({shown}); turn billing on for the key's project"),
            daily=True,
        )
    if "PerDay" in quotas:
        return CallFailed(
            QuotaExceeded(
                f"today's quota for {model} is used up ({shown}); it comes back at midnight Pacific"
            ),
            daily=True,
        )
    said = STATUS_RULES[429].sentence.format(said=f"429: {shown}")
    wait_s = next((w for entry in entries if (w := _seconds(entry.get("retryDelay"))) is not None), None)
    if wait_s is None:
        return CallFailed(QuotaExceeded(said), again=Again.BACKOFF)
    return CallFailed(QuotaExceeded(said), again=Again.AFTER, wait_s=wait_s)


def from_transport(problem: BaseException, *, host: str) -> CallFailed:
    """The failure for a transport error of httpx2 (or httpx, aiohttp): told by the names of its classes."""
    names = {cls.__name__ for cls in type(problem).__mro__}
    if names & {"ConnectError", "ConnectTimeout", "ClientConnectorError"}:
        error: SlipcastError = ProviderError(
            f"{host} cannot be reached ({clean(problem)}); check network and base URL"
        )
        return CallFailed(error, again=Again.BACKOFF, sick=True)
    if names & {"TimeoutException", "TimeoutError"}:
        return pass_deadline(host)
    if names & {"UnsupportedProtocol", "InvalidURL", "ProxyError"}:
        return CallFailed(
            BadInput(f"the base URL or proxy for {host} does not work ({clean(problem)}); correct it")
        )
    error = ProviderError(
        f"the connection to {host} broke off ({clean(problem)}); the call may have been billed"
    )
    return CallFailed(error, again=Again.BACKOFF, billed=Billed.MAYBE, sick=True)


def pass_deadline(host: str) -> CallFailed:
    """The failure for a call that ran past its wall-clock limit."""
    error = ProviderTimeout(f"{host} did not answer within the deadline; the call may have been billed")
    return CallFailed(error, again=Again.BACKOFF, billed=Billed.MAYBE, sick=True)


def unreadable(problem: BaseException) -> CallFailed:
    """The failure for an answer that the SDK could not read."""
    error = BadAnswer(f"Gemini's answer is damaged ({clean(problem)[:80]}); the call may have been billed")
    return CallFailed(error, again=Again.BACKOFF, billed=Billed.MAYBE, empty=True)


def clean(said: object, longest: int = 160) -> str:
    """A foreign text as one short line without control characters and without anything that looks like a
    key."""
    text = re.sub(r"<[^>]{0,200}>", " ", str(said))
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    text = _KEY_SHAPES.sub("***", text)
    text = text.rstrip(". ")
    return f"{text[: longest - 1]}…" if len(text) > longest else text or "no message"


def _details(body: object) -> Iterator[Mapping[str, object]]:
    if isinstance(body, list):  # some gateways wrap the error in a list
        body = body[0] if body else None
    error = body.get("error") if isinstance(body, Mapping) else None
    yield from _listed(error.get("details") if isinstance(error, Mapping) else None)


def _listed(value: object) -> Iterator[Mapping[str, object]]:
    if isinstance(value, list):
        yield from (entry for entry in value if isinstance(entry, Mapping))


def _seconds(value: object) -> float | None:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)s", value) if isinstance(value, str) else None
    return float(found[1]) if found else None
