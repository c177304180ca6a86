"""Text of a prompt -> the text that may be sent, or findings about what will disappoint.

`check_text` raises BadInput for what must not leave the house: too short, too long, control characters,
words of the user's own block list. `diagnose` never refuses; it says what pictures tend to suffer from.
"""

import re
import unicodedata
from dataclasses import dataclass

from slipcast.core.errors import BadInput
from slipcast.core.findings import Finding, finding
from slipcast.core.options import check, several, text, whole


@dataclass(frozen=True, kw_only=True)
class PromptLimits:
    """What may be sent.

    >>> PromptLimits(longest=500).longest
    500
    """

    shortest: int = 10
    """Characters of the shortest prompt; a subject may be shorter when the sentences around it are added."""
    longest: int = 2000
    """Characters of the longest prompt."""
    blocked: tuple[str, ...] = ()
    """Words or phrases that must not be sent, matched as whole words without regard to case."""

    def __post_init__(self) -> None:
        check(
            self,
            shortest=whole(0, 1_000_000, example=10),
            longest=whole(1, 1_000_000, example=2000),
            blocked=several(text(example="a brand")),
        )


_SUBJECT_SHORTEST = 2

_BRAND_LIST = re.compile(
    r"\b("
    + "|".join(
        re.escape(b)
        for b in (
            *(
                "bandai",
                "banpresto",
                "barbie",
                "batman",
                "disney",
                "funko",
                "gundam",
                "harry potter",
                "hasbro",
            ),
            *("hello kitty", "iron man", "lego", "marvel", "mattel", "mickey mouse", "minecraft", "naruto"),
            *("nendoroid", "nintendo", "pikachu", "pixar", "pokemon", "pokémon", "spider-man", "spiderman"),
            *("star wars", "superman", "warhammer", "zelda", "darth vader", "iron-man", "zbrush"),
        )
    )
    + r")\b",
    re.IGNORECASE,
)
_INJECTION = re.compile(
    r"(ignore (all |any |the )?(previous|prior|above|earlier) (instructions?|prompts?|rules)"
    r"|disregard (all |any |the )?(previous|prior|above|rules|instructions?)"
    r"|forget (everything|all|your) (above|instructions?|rules)?"
    r"|you are now (a|an|in) |system prompt|developer mode|jailbreak"
    r"|act as (if|an? (unrestricted|unfiltered))"
    r"|(reveal|print|show|repeat) (your|the) (instructions|prompt|key|secret)"
    r"|<\|?(system|assistant|im_start)\|?>)",
    re.IGNORECASE,
)
_SEVERAL = re.compile(
    r"\b(two|three|four|five|six|several|many|a group of|a pair of|a couple of|an army of|a family of|\d+) "
    r"(?!arms|legs|eyes|wings|heads|tails|horns|hands|fingers|swords|colou?rs|cm|mm|inch)"
    r"((?:[a-z-]+ ){0,2}?(?:figurines?|figures?|characters?|people|men|women|knights|soldiers|cats|dogs"
    r"|robots|heroes|children|friends|animals|warriors|statues|toys|dolls))\b",
    re.IGNORECASE,
)
_STYLE_WORDS = re.compile(
    r"\b(style|anime|chibi|realis|cartoon|steampunk|cyberpunk|gothic|baroque|art deco|vinyl|plush|bronze"
    r"|marble|low-poly|pixel|clay|porcelain|miniature|manner of|fantasy|toy|kit|statue|sculpture)",
    re.IGNORECASE,
)


def check_text(text: str, limits: PromptLimits, *, what: str = "the prompt") -> str:
    """`text` with its white space made plain, when it may be sent.

    Raises BadInput that names `what`: too short or long (after tidying), control or private-use characters,
    characters that turn writing direction, a phrase of `limits.blocked`.
    """
    odd = next((c for c in text if _forbidden(c)), None)
    if odd is not None:
        name = unicodedata.name(odd, f"U+{ord(odd):04X}")
        raise BadInput(f"{what} holds the control character {name}; remove it")
    tidy = " ".join(unicodedata.normalize("NFC", text).split())
    shortest = _SUBJECT_SHORTEST if what == "the subject" else limits.shortest
    if len(tidy) < shortest:
        counted = f"{len(tidy)} character{'' if len(tidy) == 1 else 's'}"
        raise BadInput(f"{what} has {counted}; write at least {shortest}")
    if len(tidy) > limits.longest:
        raise BadInput(f"{what} has {len(tidy)} characters; shorten it to {limits.longest}")
    for phrase in limits.blocked:
        if phrase and re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", tidy, re.IGNORECASE):
            raise BadInput(f"{what} holds «{phrase}», which is on the block list; word it differently")
    return tidy


def diagnose(
    subject: str, text: str, *, styled: bool = False, model: str = "the model"
) -> tuple[Finding, ...]:
    """What to know about a prompt before paying for it.

    `subject` is the user's part, `text` the whole prompt; `styled` says that a style is set beside the
    subject.
    """
    out: list[Finding] = []
    words = len(re.findall(r"\w+", subject))
    if words < 3:
        out.append(finding("PROMPT_BRIEF", {"words": words}))
    if not styled and not _STYLE_WORDS.search(subject):
        out.append(finding("PROMPT_NO_STYLE"))
    if several := _SEVERAL.search(subject):
        out.append(finding("PROMPT_SEVERAL", {"what": several[0]}))
    if (tokens := rough_tokens(text)) > 480:
        out.append(finding("PROMPT_LONG", {"tokens": tokens}))
    if brands := sorted({m.lower() for m in _BRAND_LIST.findall(subject)}):
        out.append(finding("PROMPT_BRAND", {"what": ", ".join(brands)}))
    out.extend(injection(subject))
    if _unlisted_script(subject):
        out.append(finding("PROMPT_LANGUAGE", {"model": model}))
    return tuple(out)


def injection(text: str) -> tuple[Finding, ...]:
    """A finding when `text` holds what reads like an order to the model."""
    order = _INJECTION.search(text)
    return (finding("PROMPT_INJECTION", {"what": order[0].strip()}),) if order else ()


def rough_tokens(text: str) -> int:
    """About how many tokens a text has: a quarter of its Latin characters, two thirds of all others."""
    latin = sum(1 for c in text if ord(c) < 0x250)
    return max(1, round(latin / 4 + (len(text) - latin) / 1.5))


def _forbidden(char: str) -> bool:
    if char in "\n\r\t":
        return False
    return (
        unicodedata.category(char) in ("Cc", "Co", "Cs", "Cn")
        or char in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    )


_LISTED_SCRIPTS = ("LATIN", "CJK", "HIRAGANA", "KATAKANA", "HANGUL", "DEVANAGARI", "ARABIC", "CYRILLIC")


def _unlisted_script(text: str) -> bool:
    """Whether a fifth of the letters belong to a script, or to letters, of no listed language."""
    letters = [c for c in text if c.isalpha()]
    odd = [c for c in letters if not unicodedata.name(c, "").startswith(_LISTED_SCRIPTS)]
    # Letters that only unlisted languages of the Latin script use: Polish, Czech, Hungarian, Turkish,
    # Romanian ...
    odd += [c for c in letters if c.lower() in "ąćęłńśźżčďěňřšťůžőűğışțț"]
    return bool(letters) and len(odd) * (20 if len(odd) > 1 else 5) >= len(letters)
