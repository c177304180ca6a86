"""What the stand-in answers: pictures, refusals, errors, each a plain JSON value as the real API words it."""

import base64
import hashlib
import io
from collections.abc import Mapping
from functools import cache
from typing import Any

from PIL import Image

Json = dict[str, Any]

TOKENS = {"512": 747, "1K": 1120, "2K": 1680, "4K": 2520}
MODELS = {
    "gemini-2.5-flash-image": ("1K",),
    "gemini-3.1-flash-lite-image": ("1K",),
    "gemini-3.1-flash-image": ("512", "1K", "2K", "4K"),
    "gemini-nano-banana-2.1": ("1K", "2K", "4K"),
    "gemini-3-pro-image": ("1K", "2K", "4K"),
}
PIXELS = {"1:1": (1024, 1024), "3:4": (896, 1200), "4:3": (1200, 896), "16:9": (1376, 768)}

FINISH = {
    "no_image": "NO_IMAGE",
    "image_safety": "IMAGE_SAFETY",
    "image_prohibited": "IMAGE_PROHIBITED_CONTENT",
    "image_other": "IMAGE_OTHER",
    "image_recitation": "IMAGE_RECITATION",
    "safety": "SAFETY",
    "recitation": "RECITATION",
    "prohibited": "PROHIBITED_CONTENT",
    "other": "OTHER",
    "max_tokens": "MAX_TOKENS",
    "malformed": "MALFORMED_RESPONSE",
    "new_reason": "A_REASON_OF_2027",
}
"""Scenario -> finish reason of an answer without a picture."""

_PLAIN = {
    "400": (400, "INVALID_ARGUMENT", "Request contains an invalid argument."),
    "400_region": (400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
    "401": (401, "UNAUTHENTICATED", "Request had invalid authentication credentials."),
    "402": (402, "PAYMENT_REQUIRED", "Billing must be enabled for this project."),
    "403": (403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers."),
    "404": (404, "NOT_FOUND", "models/x is not found for API version v1beta."),
    "408": (408, "DEADLINE_EXCEEDED", "Request timed out."),
    "413": (413, "INVALID_ARGUMENT", "Request payload size exceeds the limit: 20971520 bytes."),
    "422": (422, "UNPROCESSABLE", "The request cannot be processed."),
    "429_plain": (429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
    "500": (500, "INTERNAL", "An internal error has occurred."),
    "503": (503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
    "504": (504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
}
ERRORS = frozenset({*_PLAIN, "400_key", "429", "429_daily", "429_free"})
"""Scenarios that are an error status with a JSON body."""
TRANSPORT = frozenset(
    {"drop", "drop_body", "html_502", "bad_json", "empty_body", "trickle", "stream_drop", "echo_key"}
)
"""Scenarios that break the transport itself."""


def error(scenario: str, values: Mapping[str, str]) -> tuple[int, Json]:
    """Status and body of an error scenario; 429 takes `retry`, the seconds of its RetryInfo."""
    if scenario == "400_key":
        info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
        return 400, _body(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", [info])
    if scenario in ("429", "429_daily", "429_free"):
        span = {"429": "PerMinute", "429_daily": "PerDay", "429_free": "PerDay"}[scenario]
        tier = "-FreeTier" if scenario == "429_free" else ""
        quota = f"GenerateRequests{span}PerProjectPerModel{tier}"
        failure = {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": quota}]}
        pause = values.get("retry", "7")
        info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{pause}s"}
        zero = " limit: 0" if scenario == "429_free" else ""
        said = f"You exceeded your current quota.{zero}\nPlease retry in {pause}s."
        return 429, _body(429, "RESOURCE_EXHAUSTED", said, [failure, info])
    code, status, said = _PLAIN[scenario]
    return code, _body(code, status, said)


def _body(code: int, status: str, said: str, details: list[Json] | None = None) -> Json:
    found: Json = {"code": code, "message": said, "status": status}
    return {"error": found | ({"details": details} if details else {})}


def refusal(model: str, config: Json) -> tuple[int, Json] | None:
    """What the real API refuses: unknown models, sizes, ratios, several candidates, a picture mime type."""
    if model not in MODELS:
        return 404, _body(404, "NOT_FOUND", f"models/{model} is not found for API version v1beta.")
    picture = config.get("imageConfig", {})
    wrong = (
        picture.get("imageSize", "1K") not in MODELS[model]
        or config.get("candidateCount", 1) != 1
        or str(config.get("responseMimeType", "")).startswith("image/")
    )
    return error("400", {}) if wrong else None


def answer(
    model: str, body: Json, scenario: str, values: Mapping[str, str], number: int, sample: bytes
) -> Json:
    """A body with status 200: a picture (`sample`, or one of a single colour), or one of the ways to have none."""
    picture = body.get("generationConfig", {}).get("imageConfig", {})
    size, ratio = picture.get("imageSize", "1K"), picture.get("aspectRatio", "1:1")
    text, references = text_of(body), sum("inlineData" in part for part in _parts_in(body))
    usage = {"promptTokenCount": len(text) // 4 + 1120 * references}
    out: Json = {"usageMetadata": usage, "modelVersion": model, "responseId": f"resp{number:05d}"}
    if scenario == "block":
        return out | {"promptFeedback": {"blockReason": values.get("reason", "PROHIBITED_CONTENT")}}
    if scenario == "no_candidates":
        return out
    finish, parts = FINISH.get(scenario, "STOP"), []
    if scenario == "finish":
        finish = values["reason"]
    elif scenario == "text_only":
        parts = [{"text": "Which view would you like?"}]
    elif finish == "STOP":
        parts = _pictures(scenario, values, sample or colour(text, ratio, size))
    pictures = sum("inlineData" in part and not part.get("thought") for part in parts)
    usage |= {"candidatesTokenCount": TOKENS[size] * pictures, "thoughtsTokenCount": 180}
    if pictures:
        details = [{"modality": "IMAGE", "tokenCount": TOKENS[size] * pictures}]
        usage["candidatesTokensDetails"] = details  # type: ignore[assignment]
    usage["totalTokenCount"] = usage["promptTokenCount"] + usage["candidatesTokenCount"] + 180
    content: Json = {"role": "model"} | ({"parts": parts} if parts else {})
    return out | {"candidates": [{"index": 0, "finishReason": finish, "content": content}]}


def _pictures(scenario: str, values: Mapping[str, str], data: bytes) -> list[Json]:
    mime = "image/jpeg" if data[:2] == b"\xff\xd8" else "image/png"
    if scenario == "jpeg":
        data, mime = _as_jpeg(data), "image/jpeg"
    if scenario == "cut_png":
        data = data[: len(data) // 2]
    if scenario == "not_png":
        data = b"this is not an image"
    if scenario == "empty_data":
        data = b""
    coded = base64.b64encode(data).decode()
    if (
        scenario == "cut_base64"
    ):  # a length of 1 modulo 4 is refused by the SDK, 0, 2 and 3 decode to half a picture
        coded = coded[: len(coded) // 8 * 4 + int(values.get("mod", "1"))]
    if scenario == "bad_base64":
        coded = "@@@@" + coded
    part: Json = {"inlineData": {"mimeType": mime, "data": coded}, "thoughtSignature": "c2ln"}
    if scenario == "thoughts":
        draft = base64.b64encode(colour("draft", "1:1", "512")).decode()
        rough = {"inlineData": {"mimeType": "image/png", "data": draft}, "thought": True}
        return [{"text": "**Planning**", "thought": True}, rough, part]
    if scenario == "three":
        first = base64.b64encode(colour("first", "1:1", "512")).decode()
        return [{"inlineData": {"mimeType": "image/png", "data": first}}] * 2 + [part]
    return [part]


@cache
def colour(text: str, ratio: str, size: str) -> bytes:
    """A PNG of one colour that depends on `text`, in the size that was asked for; a few kilobytes."""
    width, height = PIXELS.get(ratio, (1024, 1024))
    scale = {"512": 0.5, "1K": 1, "2K": 2, "4K": 4}[size]
    red, green, blue = hashlib.sha256(text.encode()).digest()[:3]
    out = io.BytesIO()
    Image.new("RGB", (int(width * scale), int(height * scale)), (red, green, blue)).save(
        out, "PNG", compress_level=1
    )
    return out.getvalue()


def _as_jpeg(data: bytes) -> bytes:
    out = io.BytesIO()
    with Image.open(io.BytesIO(data)) as picture:
        picture.convert("RGB").save(out, "JPEG")
    return out.getvalue()


def text_of(body: Json) -> str:
    """All text of a request."""
    return " ".join(part["text"] for part in _parts_in(body) if "text" in part)


def _parts_in(body: Json) -> list[Json]:
    return [part for content in body.get("contents", []) for part in content.get("parts", [])]


def camel(value: object) -> Any:
    """Names in camelCase throughout: the real API takes both spellings, and the SDK sends a mix."""
    if isinstance(value, list):
        return [camel(entry) for entry in value]
    if isinstance(value, dict):
        return {_camel_word(key): camel(entry) for key, entry in value.items()}
    return value


def _camel_word(word: str) -> str:
    first, *rest = word.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def chunks(whole: Json) -> list[Json]:
    """An answer as a stream: a part a piece; tokens and the finish reason on the last."""
    candidates = whole.get("candidates")
    if not candidates:
        return [whole]
    parts = candidates[0]["content"].get("parts") or [None]
    pieces = []
    for place, part in enumerate(parts):
        content: Json = {"role": "model"} | ({"parts": [part]} if part else {})
        candidate: Json = {"index": 0, "content": content}
        piece: Json = {"candidates": [candidate]} | {k: whole[k] for k in ("modelVersion", "responseId")}
        if place == len(parts) - 1:
            candidate["finishReason"] = candidates[0]["finishReason"]
            piece["usageMetadata"] = whole["usageMetadata"]
        pieces.append(piece)
    return pieces
