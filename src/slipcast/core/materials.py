"""Words -> the one material's factors: what a figurine is made of and how it shines, where a prompt says so.

A word counts where it speaks of the whole: in a part between commas that names materials and finishes only («aged
brass, satin»), behind «made of», in «in matte resin» at the end, before «statue», or as the first word of the subject
(«a brass robot»). «A dwarf with a steel axe» is no steel dwarf, a girl in leather wears it, and a silver fox is no
silver, but a gold robot is gold where it is polished. Factors are glTF's: roughness 0 is a mirror, 1 chalk;
metallic is 1 for bare metal, and less where paint, rust or patina cover it.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple, TypeGuard

from slipcast.core.errors import BadInput
from slipcast.core.values import Material

STUFFS: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("chrome", "chromed"), (0.08, 1.0)),
    **dict.fromkeys(("gold", "golden", "gilded", "gilt", "silver", "platinum"), (0.3, 1.0)),
    **dict.fromkeys(("brass", "copper", "steel", "titanium"), (0.35, 1.0)),
    **dict.fromkeys(("bronze", "bronzed", "aluminium", "aluminum", "metal"), (0.4, 1.0)),
    **dict.fromkeys(("pewter", "zinc", "tin", "lead"), (0.5, 1.0)),
    **dict.fromkeys(("iron",), (0.6, 1.0)),
    **dict.fromkeys(("glass", "crystal"), (0.05, 0.0)),
    **dict.fromkeys(("porcelain", "enamel", "amber"), (0.15, 0.0)),
    **dict.fromkeys(("ceramic", "jade", "lacquer"), (0.25, 0.0)),
    **dict.fromkeys(("marble", "ivory", "alabaster"), (0.4, 0.0)),
    **dict.fromkeys(("plastic", "pvc", "abs", "vinyl", "resin", "acrylic", "wax"), (0.5, 0.0)),
    **dict.fromkeys(("polystone", "bone", "leather"), (0.65, 0.0)),
    **dict.fromkeys(("wood", "wooden", "oak", "walnut", "pine", "beech", "limewood"), (0.7, 0.0)),
    **dict.fromkeys(("rubber", "silicone", "granite"), (0.8, 0.0)),
    **dict.fromkeys(("stone", "sandstone", "limestone", "concrete", "plasticine"), (0.88, 0.0)),
    **dict.fromkeys(("clay", "terracotta", "plaster", "primer", "paper", "cardboard", "card"), (0.95, 0.0)),
    **dict.fromkeys(("plush", "felt", "wool", "cotton", "yarn", "velvet", "fabric", "chalk"), (1.0, 0.0)),
}
"""What it is made of: word -> roughness, metallic."""

FINISHES: dict[str, tuple[float, float | None]] = {
    **dict.fromkeys(("mirror", "mirrored"), (0.04, None)),
    **dict.fromkeys(
        ("glazed", "lacquered", "polished", "glossy", "gloss", "shiny", "varnished"), (0.15, None)
    ),
    **dict.fromkeys(("burnished",), (0.2, None)),
    **dict.fromkeys(("satin", "brushed", "waxed", "semigloss"), (0.45, None)),
    **dict.fromkeys(("aged", "weathered", "patinated", "tarnished", "antique"), (0.55, 0.8)),
    **dict.fromkeys(("matte", "matt", "mat", "flat", "dull", "unglazed"), (0.9, None)),
    **dict.fromkeys(("rusty", "rusted", "corroded", "verdigris"), (0.85, 0.4)),
    **dict.fromkeys(("rough", "chalky"), (0.95, None)),
    **dict.fromkeys(("metallic",), (0.4, 1.0)),
    **dict.fromkeys(("painted",), (0.55, 0.0)),
}
"""How its surface is: word -> roughness, and metallic of what was bare metal (None: as the stuff is)."""

_COLORS = frozenset(
    ("gold", "golden", "silver", "copper", "ivory", "amber", "bone", "jade", "lead", "flat", "mat")
)
"""Words that begin a subject by its colour, or by something else."""
_BARE = frozenset(
    ("mirror", "mirrored", "polished", "burnished", "brushed", "metallic", "tarnished", "patinated")
)
"""Finishes of bare metal: with one of them a colour that is a metal's name is the metal."""
_WORN = frozenset(
    ("leather", "plush", "felt", "wool", "cotton", "yarn", "velvet", "fabric", "satin", "paper")
)
"""What somebody «in» it wears."""
_FILLERS = frozenset(
    re.findall(
        "[a-z]+",
        "a an the of in with and or all entirely fully wholly solid pure soft warm dark light white black grey gray "
        "red green blue brown yellow finish finishes surface surfaces look material made cast carved sculpted moulded "
        "molded semi slightly very highly lightly hand old thin clear toy one single piece plated plating leaf "
        "stainless",
    )
)
"""Words between those that count."""
_PIECES = r"(?:statue|statuette|sculpture|bust|figure|figurine|miniature|carving|casting|finish|surface)s?"
_MADE = re.compile(
    r"\b(?:made|cast|carved|sculpted|moulded|molded|forged|turned)\s+(?:out\s+)?(?:of|from|in)\s+(.*)"
)
_IN = re.compile(
    r"^(?!.*\b(?:with|holding|holds|carrying|wearing|that|whose|who)\b.*\bin\b).*\bin\s+(?!an?\b|the\b)(.*)"
)
_ENDS = frozenset(("on", "with", "that", "which", "standing", "sitting", "holding"))
"""Words behind which a part speaks of something else."""
_WORD = re.compile(r"[a-z]+")


class Named(NamedTuple):
    """A material, and the words that named it."""

    material: Material
    words: tuple[str, ...]


def name_material(text: str, *, whole: bool = False) -> Named | None:
    """Return the material that `text` names for the whole figurine; None where it names none.

    With `whole` the text is a material's name and every word of it counts.

    >>> name_material("a dwarf, aged brass, satin").material
    Material(name='Aged Brass Satin', metallic=0.8, roughness=0.45)
    """
    words = _words_of(text.lower()) if whole else [word for part in _parts(text) for word in _telling(*part)]
    words = list(dict.fromkeys(words))
    if not whole and any(word in _BARE for word in words):
        words = list(dict.fromkeys(_metal_color(text) + words))
    stuff = next((STUFFS[word] for word in words if word in STUFFS), None)
    finishes = [FINISHES[word] for word in words if word in FINISHES]
    if stuff is None and not finishes:
        return None
    roughness, metallic = stuff or (0.9, 1.0 if "mirror" in words or "mirrored" in words else 0.0)
    for rough, metal in finishes:
        roughness = rough
        if metal is not None and (metallic > 0 or metal == 1.0):
            metallic = metal
    name = " ".join(words).title()
    return Named(Material(name=name, metallic=metallic, roughness=roughness), tuple(words))


def material_of(facts: Mapping[str, object]) -> Named | None:
    """Return the material of a picture that was made from words, by the facts beside it; None where they name none.

    What was asked for by name comes first, then the words of the subject. Raises BadInput for factors outside 0 to 1.
    """
    asked = facts.get("material")
    if isinstance(asked, Mapping):
        name, metallic, roughness = (asked.get(key) for key in ("name", "metallic", "roughness"))
        if not (_is_factor(metallic) and _is_factor(roughness)):
            raise BadInput(
                f"the JSON beside the picture has a material with metallic {metallic!r} and roughness {roughness!r}; "
                "give numbers from 0 to 1"
            )
        material = Material(name=str(name), metallic=float(metallic), roughness=float(roughness))
        return Named(material, (str(name),))
    told = facts.get("subject") or facts.get("prompt")
    return name_material(told) if isinstance(told, str) else None


def _parts(text: str) -> list[tuple[str, bool]]:
    """What stands between commas, and whether it is the first."""
    parts = re.split(r"[,;:.!?()\n]| - | – ", text.lower().replace("-", " "))
    return [(part, number == 0) for number, part in enumerate(parts)]


def _words_of(part: str) -> list[str]:
    return [word for word in _WORD.findall(part) if word in STUFFS or word in FINISHES]


def _telling(part: str, first: bool) -> list[str]:
    """The words of `part` that speak of the whole figurine."""
    words = _WORD.findall(part)
    known = _words_of(part)
    if not known:
        return []
    if all(word in known or word in _FILLERS for word in words):
        return known
    if behind := _MADE.search(part):
        return _leading(_WORD.findall(behind[1]))
    if (inside := _IN.search(part)) and (run := _leading(_WORD.findall(inside[1]), to_end=True)):
        is_piece = re.search(rf"\b{_PIECES}\b", part) is not None
        sure = [
            word for word in run if word in STUFFS and word not in _WORN and (is_piece or word not in _COLORS)
        ]
        if sure:
            return run
    if before := re.search(rf"((?:\b[a-z]+\s+)+){_PIECES}\b", part):
        run = _leading(list(reversed(_WORD.findall(before[1]))))
        if run:
            return list(reversed(run))
    if first:
        run = _leading(words)
        return [] if run and run[-1] in _COLORS else run
    return []


def _leading(words: list[str], *, to_end: bool = False) -> list[str]:
    """The materials and finishes that `words` begin with, fillers passed over; with `to_end` nothing may follow."""
    out = []
    for word in words:
        if word in STUFFS or word in FINISHES:
            out.append(word)
        elif word not in _FILLERS:
            return [] if to_end and word not in _ENDS else out
    return out


def _metal_color(text: str) -> list[str]:
    """The metal that a subject begins with as with a colour: «gold» of «a gold robot»."""
    part, _ = _parts(text)[0]
    return [
        word
        for word in _leading(_WORD.findall(part))[-1:]
        if word in _COLORS and STUFFS.get(word, (0, 0))[1] == 1
    ]


def _is_factor(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and 0 <= value <= 1
