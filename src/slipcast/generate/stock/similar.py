"""How alike two prompts are, honestly: by shared words, with a veto for words that change the picture.

Measures by meaning (embeddings) find «red knight» and «blue knight» almost equal, and a bought picture of
the wrong one is worth nothing. Here the score is the share of common words (Dice's coefficient of the word
sets, fillers and plural endings aside), and it is 0 when colours, numbers, materials, negations or sides
differ. So a changed order and changed fillers are found; synonyms are not, which costs a picture and never
gives a wrong one.
"""

import re
from functools import lru_cache

_FILLERS = (
    "a an the of in on at with and or to is are it its his her their as by for from that which this these very "
    "really quite some please make create generate picture image photo figurine figure model render"
)
_TELLING = (
    "red green blue yellow orange purple violet pink black white grey gray brown gold golden silver copper "
    "bronze brass turquoise teal cyan crimson scarlet ivory beige navy "
    "one two three four five six seven eight nine ten no not "
    "without never left right front back male female man woman boy girl old young open closed big small tall short "
    "wood wooden marble steel iron glass stone clay plush vinyl happy sad angry sitting standing running flying"
)
_FILLER_WORDS = frozenset(_FILLERS.split())
_TELLING_WORDS = frozenset(_TELLING.split())


def similarity(one: str, other: str) -> float:
    """0 to 1; symmetric; 1 for texts that differ in order, fillers, case and plural endings only."""
    a, b = _words(one), _words(other)
    if not a or not b:
        return float(a == b)
    if any(w in _TELLING_WORDS or w.isdigit() for w in a ^ b):
        return 0.0
    return 2 * len(a & b) / (len(a) + len(b))


@lru_cache(maxsize=20000)
def _words(text: str) -> frozenset[str]:
    return frozenset(_stem(w) for w in re.findall(r"[^\W_]+", text.lower()) if w not in _FILLER_WORDS)


def _stem(word: str) -> str:
    """`word` without a plural's or possessive's s."""
    if (
        len(word) > 3
        and word.endswith("s")
        and not word.endswith(("ss", "us", "is"))
        and word not in _TELLING_WORDS
    ):
        return word[:-1]
    return word
