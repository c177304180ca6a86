"""Gemini's answer -> PictureAnswer, or CallFailed when it holds no complete picture.

A status of 200 promises nothing: an answer may be empty, refuse, hold only text, several pictures, drafts
(thoughts) before the picture, a JPEG where a PNG was expected, or half a picture whose base64 was cut and
still decodes. Only the last picture that is not a thought and that decodes to its last row is accepted.
"""

import io
import warnings
from typing import TYPE_CHECKING, NamedTuple

from slipcast.core.errors import BadAnswer, BadInput, PictureRefused, SlipcastError
from slipcast.generate.money.prices import Usage
from slipcast.generate.providers.gemini.errors import clean
from slipcast.generate.request import Again, Billed, CallFailed, PictureAnswer

if TYPE_CHECKING:
    from google.genai.types import GenerateContentResponse, Part

MIMES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
"""Pillow's name of a format -> mime type, for the formats that are accepted."""
MOST_PIXELS = 8192 * 8192


class Reason(NamedTuple):
    """What a finish or block reason means for the user."""

    error: type[SlipcastError]
    sentence: str
    again: Again = Again.NEVER


_POLICY = "reword the prompt: describe looks only, without violence, nudity or real people"
_COPY = (
    "it came too close to an existing work; leave out names of brands and characters and describe the looks"
)

REASONS: dict[str, Reason] = {
    "STOP": Reason(BadAnswer, "Gemini answered without a picture", Again.BACKOFF),
    "FINISH_REASON_UNSPECIFIED": Reason(BadAnswer, "Gemini answered without a picture", Again.BACKOFF),
    "NO_IMAGE": Reason(BadAnswer, "Gemini made no picture", Again.BACKOFF),
    "IMAGE_OTHER": Reason(BadAnswer, "Gemini made no picture and does not say why", Again.BACKOFF),
    "OTHER": Reason(BadAnswer, "Gemini stopped and does not say why", Again.BACKOFF),
    "MALFORMED_RESPONSE": Reason(BadAnswer, "Gemini's model made a malformed answer", Again.BACKOFF),
    "MAX_TOKENS": Reason(
        BadAnswer, "Gemini's answer hit its limit of tokens before the picture; shorten the prompt"
    ),
    "SAFETY": Reason(PictureRefused, f"Gemini refused the prompt for safety; {_POLICY}"),
    "IMAGE_SAFETY": Reason(PictureRefused, f"Gemini refused to show the picture for safety; {_POLICY}"),
    "PROHIBITED_CONTENT": Reason(PictureRefused, f"Gemini prohibits this content; {_POLICY}"),
    "IMAGE_PROHIBITED_CONTENT": Reason(PictureRefused, f"Gemini prohibits this picture; {_POLICY}"),
    "BLOCKLIST": Reason(PictureRefused, f"a word of the prompt is on Gemini's block list; {_POLICY}"),
    "SPII": Reason(
        PictureRefused, "Gemini sees personal data in the prompt; leave out names and numbers of people"
    ),
    "MODEL_ARMOR": Reason(
        PictureRefused, "your project's Model Armor policy blocked the prompt; ask who runs it"
    ),
    "JAILBREAK": Reason(
        PictureRefused, "Gemini reads the prompt as an attack; leave out orders to the model"
    ),
    "RECITATION": Reason(PictureRefused, f"Gemini stopped since {_COPY}"),
    "IMAGE_RECITATION": Reason(PictureRefused, f"Gemini made no picture since {_COPY}"),
    "LANGUAGE": Reason(BadInput, "Gemini does not know the prompt's language; write it in English"),
    "ESCALATION": Reason(PictureRefused, f"Gemini handed the request to a review; {_POLICY}"),
    "CONTINUATION": Reason(BadAnswer, "Gemini wants to go on in a further, paid answer; shorten the prompt"),
    "MISSING_THOUGHT_SIGNATURE": Reason(
        BadInput, "a reference came without its signature; send it as your own picture"
    ),
    "MALFORMED_FUNCTION_CALL": Reason(
        BadAnswer, "Gemini tried to call a tool instead of drawing", Again.BACKOFF
    ),
    "UNEXPECTED_TOOL_CALL": Reason(
        BadAnswer, "Gemini tried to call a tool instead of drawing", Again.BACKOFF
    ),
    "TOO_MANY_TOOL_CALLS": Reason(BadAnswer, "Gemini tried to call tools instead of drawing", Again.BACKOFF),
    "PUP_LIMITED_DISABLED": Reason(
        PictureRefused, "Gemini limits this project's use; see the project's console"
    ),
    "BLOCKED_REASON_UNSPECIFIED": Reason(
        PictureRefused, f"Gemini blocked the prompt without a reason; {_POLICY}"
    ),
}
"""Every finish and block reason of google-genai 3.4 -> what to tell; a test holds it complete."""


def read_answer(response: "GenerateContentResponse") -> PictureAnswer:
    """The picture of `response`. Decodes it in full (some 10 ms a megapixel): call it off the event loop.

    Raises CallFailed.
    """
    usage = usage_of(response)
    feedback = response.prompt_feedback
    if feedback is not None and feedback.block_reason is not None:
        raise _failed(str(feedback.block_reason.name), "", usage, blocked=True)
    candidate = response.candidates[0] if response.candidates else None
    if candidate is None:
        raise _failed("STOP", "", usage)
    finish = candidate.finish_reason.name if candidate.finish_reason is not None else "STOP"
    parts: list[Part] = (candidate.content.parts if candidate.content else None) or []
    shown = [p.inline_data for p in parts if p.inline_data is not None and not p.thought]
    if finish not in ("STOP", "FINISH_REASON_UNSPECIFIED", "MAX_TOKENS") or not shown:
        said = " ".join(p.text for p in parts if p.text and not p.thought)
        raise _failed(finish, said, usage)
    data = shown[-1].data or b""
    problem, mime, width_px, height_px = decode(data)
    if problem:
        error = BadAnswer(f"Gemini sent {problem}; the call may have been billed")
        raise CallFailed(error, again=Again.BACKOFF, billed=Billed.YES, usage=usage, empty=True)
    return PictureAnswer(
        data=data,
        mime=mime,
        width_px=width_px,
        height_px=height_px,
        model_version=response.model_version or "",
        response_id=response.response_id or "",
        usage=usage,
        pictures=len(shown),
    )


def decode(data: bytes) -> tuple[str, str, int, int]:
    """What is wrong with an encoded picture (empty: nothing), its mime type, width and height in pixels."""
    from PIL import Image, UnidentifiedImageError

    if not data:
        return "an empty picture", "", 0, 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=tuple(MIMES)) as picture:
                width_px, height_px, kind = picture.width, picture.height, picture.format or ""
                if width_px * height_px > MOST_PIXELS:
                    return f"a picture of {width_px}x{height_px} px, more than can be meant", "", 0, 0
                picture.load()
    except UnidentifiedImageError:
        return "something that is not a PNG, JPEG or WebP picture", "", 0, 0
    except (OSError, SyntaxError, ValueError, EOFError) as problem:
        return f"a damaged picture ({clean(problem)})", "", 0, 0
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        return "a picture with more pixels than can be meant", "", 0, 0
    return "", MIMES[kind], width_px, height_px


def usage_of(response: "GenerateContentResponse") -> Usage:
    """The tokens that `response` reports; every field of it may be missing."""
    seen = response.usage_metadata
    if seen is None:
        return Usage()
    details = seen.candidates_tokens_details or []
    image = sum(d.token_count or 0 for d in details if d.modality is not None and d.modality.name == "IMAGE")
    out = seen.candidates_token_count or 0
    return Usage(
        text_in=seen.prompt_token_count or 0,
        image_out=image,
        text_out=max(0, out - image) + (seen.thoughts_token_count or 0),
    )


def _failed(reason: str, said: str, usage: Usage, *, blocked: bool = False) -> CallFailed:
    """The failure for a reason; one that is not in the table counts as a refusal that is worth one more
    try."""
    row = REASONS.get(reason, Reason(BadAnswer, f"Gemini made no picture ({reason})", Again.BACKOFF))
    if blocked and reason == "OTHER":
        row = REASONS["BLOCKED_REASON_UNSPECIFIED"]
    sentence = row.sentence + (f" (it said: «{clean(said)}»)" if said else "")
    if row.again is not Again.NEVER:
        sentence += "; try again or say more plainly what the picture shows"
    billed = Billed.MAYBE if usage.total and not blocked else Billed.NO
    return CallFailed(
        row.error(f"{sentence} [{reason}]"), again=row.again, billed=billed, usage=usage, empty=True
    )
