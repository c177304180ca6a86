"""What the user wants -> the words of a prompt.

A figurine is described by a `FigurineSpec`; `compose` words it as a short text, subject first, in
sentences: image models follow a described scene better than a list of keywords, and a wish put positively
(«plain, unlettered surfaces») better than a ban («no text»). Two profiles: FOR_3D shows the figurine alone
as reconstruction needs it, SHOWCASE shows the scene that people share (a desk, a box) and is a poor start
for 3D.

`check_text` refuses what must not be sent, `diagnose` returns findings about what will disappoint.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from slipcast.core.errors import BadInput
from slipcast.core.materials import name_material
from slipcast.core.options import check, choice, instance, several, text
from slipcast.core.values import Material, View
from slipcast.generate.prompt_checks import PromptLimits, check_text


class Profile(StrEnum):
    """What the picture is for."""

    FOR_3D = "for_3d"
    """The figurine alone, evenly lit, wholly in frame."""
    SHOWCASE = "showcase"
    """A scene to show around."""


@dataclass(frozen=True, kw_only=True)
class Stuff:
    """A material in words and in glTF's factors."""

    name: str
    """`painted PVC`, `bronze` ..."""
    words: str = ""
    """How it looks."""
    roughness: float = 0.9
    """0 is a mirror, 1 is chalk."""
    metallic: float = 0.0
    """1 for bare metal, 0 for everything else."""

    def __post_init__(self) -> None:
        for name in ("roughness", "metallic"):
            if not 0 <= getattr(self, name) <= 1:
                raise BadInput(
                    f"material «{self.name}»: {name} is {getattr(self, name)}; give a number from 0 to 1"
                )


@dataclass(frozen=True, kw_only=True)
class Shot:
    """The camera in a photographer's words; empty fields come from the profile.

    >>> Shot(lens="35 mm lens").lens
    '35 mm lens'
    """

    lens: str = ""
    """`85 mm portrait lens`."""
    shot: str = ""
    """`full-body product shot`."""
    angle: str = ""
    """`eye level`."""
    depth_of_field: str = ""
    """`deep focus`."""

    def __post_init__(self) -> None:
        check(
            self,
            lens=text(example="eye level", empty=True),
            shot=text(example="eye level", empty=True),
            angle=text(example="eye level", empty=True),
            depth_of_field=text(example="eye level", empty=True),
        )


@dataclass(frozen=True, kw_only=True)
class FigurineSpec:
    """What the figurine and its picture are to look like; only `subject` must be given.

    >>> FigurineSpec(subject="a clockwork owl", style=("steampunk",), view="back").view
    <View.BACK: 'back'>
    """

    subject: str
    """Who or what it is, most telling things first."""
    profile: Profile = Profile.FOR_3D
    """What the picture is for."""
    style: tuple[str, ...] = ()
    """Up to three, fused: the first leads, the second influences, the third gives details."""
    pose: str = ""
    """How it stands."""
    environment: str = ""
    """Where it stands; the profile's by default."""
    lighting: str = ""
    """How it is lit; the profile's by default."""
    camera: Shot = field(default_factory=Shot)
    """How it is photographed."""
    materials: tuple[Stuff, ...] = ()
    """What it is made of; the first sets the exported material's factors."""
    scale: str = "1/7 scale commercialized figurine"
    """Size and kind of the piece."""
    avoid: tuple[str, ...] = ()
    """What must not be seen."""
    lettering: str = ""
    """Words to stand on the figurine or base, letter by letter; none by default."""
    lettering_language: str = "English"
    """The language of `lettering`."""
    view: View = View.FRONT
    """The side that the picture shows."""
    back: str = ""
    """What the back looks like; repeat it for each view, since a front picture says nothing of it."""

    def __post_init__(self) -> None:
        check(
            self,
            subject=text(example="a clockwork owl", empty=True),
            profile=choice(Profile),
            style=several(text(example="steampunk")),
            pose=text(example="standing", empty=True),
            environment=text(example="standing", empty=True),
            lighting=text(example="standing", empty=True),
            camera=instance(Shot),
            materials=several(instance(Stuff)),
            scale=text(example="standing", empty=True),
            avoid=several(text(example="text")),
            lettering=text(example="standing", empty=True),
            lettering_language=text(example="standing", empty=True),
            view=choice(View),
            back=text(example="standing", empty=True),
        )
        if len(self.style) > 3:
            raise BadInput(
                f"style has {len(self.style)} entries; models hold at most three apart, give three",
                field="style",
            )

    @property
    def material(self) -> Material:
        """The factors for the exported material: those of the first entry of `materials`.

        >>> FigurineSpec(subject="an owl").material.metallic
        0.0
        """
        if not self.materials:
            return Material()
        first = self.materials[0]
        return Material(name=first.name.title(), metallic=first.metallic, roughness=first.roughness)


@dataclass(frozen=True, kw_only=True)
class _Scene:
    """A profile's words."""

    pose: str
    environment: str
    lighting: str
    shot: Shot
    closing: str


_SCENES = {
    Profile.FOR_3D: _Scene(
        pose=(
            "It stands upright in a relaxed A-pose, arms held well clear of the body and legs apart, "
            "so that every limb is seen on its own"
        ),
        environment=(
            "It stands alone on a plain low round base, in front of a seamless plain light grey background "
            "that is empty from edge to edge"
        ),
        lighting="Soft, even studio light comes from all sides, and the background stays free of shadow",
        shot=Shot(
            lens="long 85 mm lens",
            shot="full-body product photograph",
            angle="eye level",
            depth_of_field="deep focus",
        ),
        closing="The whole figurine, from head to base, is in the frame with a margin all around",
    ),
    Profile.SHOWCASE: _Scene(
        pose="It holds a lively, characteristic pose",
        environment=(
            "It stands on a round transparent acrylic base on a tidy desk; beside it is its collector's box, "
            "printed with original flat illustrations, and a screen behind shows the 3D modelling of it"
        ),
        lighting="Warm light from a window and a desk lamp models its shapes",
        shot=Shot(
            lens="85 mm portrait lens",
            shot="photorealistic product photograph",
            angle="a slightly low angle",
            depth_of_field="shallow depth of field with the figurine in sharp focus",
        ),
        closing="The figurine is the largest thing in the picture",
    ),
}

_POSITIVE = {
    "text": "every surface is plain and unlettered",
    "logo": "every surface is plain and unlettered",
    "watermark": "the picture is clean from corner to corner",
    "shadow": "the light is so even that the background stays one clean tone",
    "background": "the background is one empty, even tone",
    "clutter": "nothing but the figurine and its base is in the picture",
    "props": "its hands are empty",
    "crop": "the whole figurine is inside the frame",
    "extra limbs": "it has exactly two arms and two legs, with five fingers on each hand",
    "hands": "its hands are simple and complete",
    "reflection": "its surfaces scatter light softly",
    "transparency": "every part is opaque",
    "thin": "all parts are thick and sturdy",
    "blur": "everything is sharp from front to back",
    "people": "the figurine is alone",
    "box": "the figurine is alone on its base",
    "gore": "it looks whole and unharmed",
    "weapon": "its hands are empty",
}

_VIEWS = {
    View.FRONT: "The figurine faces the camera straight on; we see its face and chest",
    View.BACK: "The figurine is turned fully away from the camera; we see only its back, in the same pose",
    View.LEFT: "The figurine faces the left edge of the picture in exact profile; we see its left side",
    View.RIGHT: "The figurine faces the right edge of the picture in exact profile; we see its right side",
    View.FRONT_LEFT: "The figurine is turned 45 degrees about the vertical axis towards the left edge of the picture; "
    "we see its front and its left side",
    View.FRONT_RIGHT: "The figurine is turned 45 degrees about the vertical axis towards the right edge of the "
    "picture; we see its front and its right side",
    View.BACK_LEFT: "The figurine is turned away from the camera, 45 degrees towards the left edge of the picture; we "
    "see its back and its left side, and no face",
    View.BACK_RIGHT: "The figurine is turned away from the camera, 45 degrees towards the right edge of the picture; "
    "we see its back and its right side, and no face",
    View.TOP: "The camera looks straight down on the figurine, whose front is towards the picture's lower edge",
}
# View names alone get mixed up, so the words name the picture's edge as well as the figurine's side.


def compose(spec: FigurineSpec, *, avoid_tail: bool = False, limits: PromptLimits | None = None) -> str:
    """Word `spec` as a prompt, ready to send.

    `avoid_tail` adds «Avoid: ...» at the end, for models that profit from it. Raises BadInput when the
    subject or the whole text breaks `limits` (see `check_text`).
    """
    limits = limits or PromptLimits()
    subject = check_text(spec.subject, limits, what="the subject").rstrip(" .,;:!")
    scene = _SCENES[spec.profile]
    shot = Shot(**{f.name: getattr(spec.camera, f.name) or getattr(scene.shot, f.name) for f in fields(Shot)})
    sentences = [
        f"{_capital(subject)}, made as {_a(spec.scale)}{_style_words(spec.style)}",
        spec.pose or scene.pose,
        *(_stuff_words(stuff, first=i == 0) for i, stuff in enumerate(spec.materials)),
        spec.environment or scene.environment,
        _VIEWS[spec.view],
        *([f"Its back: {spec.back}"] if spec.back else []),
        spec.lighting or scene.lighting,
        f"This is {_a(shot.shot)}, taken with {_a(shot.lens)} from {shot.angle}, in {shot.depth_of_field}",
        scene.closing,
        _lettering_words(spec),
        *_positive_words(spec.avoid, lettered=bool(spec.lettering)),
    ]
    text = " ".join(f"{_capital(s.strip().rstrip('.'))}." for s in sentences if s.strip())
    if avoid_tail and spec.avoid:
        text += f" Avoid: {', '.join(_bare(item) for item in spec.avoid)}."
    return check_text(text, limits, what="the whole prompt")


def preset_names(extra: Path | None = None) -> dict[str, str]:
    """Every preset's name and what it is about, those of `extra` (a TOML file) included."""
    return {name: str(row.get("about", "")) for name, row in sorted(_presets(extra).items())}


def apply_preset(spec: FigurineSpec, name: str, extra: Path | None = None) -> FigurineSpec:
    """`spec` with the fields that it leaves at their defaults taken from the preset `name`.

    Raises BadInput when there is no such preset or its file cannot be read.
    """
    known = _presets(extra)
    if name not in known:
        near = ", ".join(sorted(known))
        raise BadInput(f"preset «{name}» is not known; choose one of: {near}", field="preset")
    wanted = spec_fields({k: v for k, v in known[name].items() if k != "about"}, where=f"preset «{name}»")
    plain = FigurineSpec(subject=spec.subject)
    kept = {key: value for key, value in wanted.items() if getattr(spec, key) == getattr(plain, key)}
    return replace(spec, **kept)


def spec_fields(row: Mapping[str, object], *, where: str) -> dict[str, Any]:
    """The fields of a FigurineSpec from plain data (a TOML table, a JSON object), checked.

    Raises BadInput naming `where` and the field.
    """
    out: dict[str, Any] = {}
    known = {f.name for f in fields(FigurineSpec)}
    for key, value in row.items():
        if key not in known:
            raise BadInput(f"{where}: «{key}» is not a field; known are {', '.join(sorted(known))}")
        try:
            out[key] = _field_of(key, value)
        except (TypeError, ValueError) as problem:
            raise BadInput(f"{where}: field «{key}» cannot be {value!r} ({problem})") from None
    return out


def _field_of(key: str, value: object) -> object:
    if key == "profile":
        return Profile(_text(value))
    if key == "view":
        return View(_text(value))
    if key in ("style", "avoid"):
        return tuple(_parts(value) if isinstance(value, str) else (_text(v) for v in _many(value)))
    if key == "materials":
        several = (
            _parts(value)
            if isinstance(value, str)
            else [value]
            if isinstance(value, Mapping)
            else _many(value)
        )
        return tuple(_stuff(v) if isinstance(v, str) else Stuff(**_table(v)) for v in several)
    if key == "camera":
        return Shot(**_table(value))
    return _text(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is needed")
    return value


def _many(value: object) -> Iterable[object]:
    if not isinstance(value, list | tuple):
        raise TypeError("a list is needed")
    return value


def _parts(text: str) -> list[str]:
    """`a; b` -> a, b: how a cell of a table holds several."""
    return [part.strip() for part in text.split(";") if part.strip()]


def _stuff(text: str) -> Stuff:
    """`bronze` or `bronze:0.35`; what is not given the table of materials says."""
    name, colon, number = text.rpartition(":")
    given = bool(colon) and re.fullmatch(r"\s*\d*\.?\d+\s*", number) is not None
    named = name_material(name if given else text, whole=True)
    known = named.material if named else Material()
    if given:
        return Stuff(name=name.strip(), roughness=float(number), metallic=known.metallic)
    return Stuff(name=text, roughness=known.roughness, metallic=known.metallic)


def _table(value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError("a table is needed")
    return {str(k): v for k, v in value.items()}


def _presets(extra: Path | None) -> dict[str, dict[str, object]]:
    return _bundled() if extra is None else {**_bundled(), **_read(extra)}


@cache
def _bundled() -> dict[str, dict[str, object]]:
    return tomllib.loads((files("slipcast.generate") / "presets.toml").read_text("utf-8"))


def _read(path: Path) -> dict[str, dict[str, object]]:
    try:
        loaded = tomllib.loads(path.read_text("utf-8"))
    except OSError as problem:
        raise BadInput(f"{path}: the presets cannot be read ({problem.strerror}); give a TOML file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise BadInput(
            f"{path}: this is not TOML ({problem}); see the bundled presets.toml for the form"
        ) from None
    for name, row in loaded.items():
        if not isinstance(row, dict):
            raise BadInput(f"{path}: «{name}» stands outside a table; write [{name}] above a preset's fields")
    return loaded


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _a(noun: str) -> str:
    """`noun` with its indefinite article, as it is spoken: an 85 mm lens, a 1/7 scale figurine."""
    return f"{'an' if re.match(r'(?i)[aeio]|8|11|18|un(?!i)', noun) else 'a'} {noun}"


_COUNTED = re.compile(
    r"(?i)\b(bust|collectible|doll|figure|figurine|kit|miniature|model|monument|ornament|piece|puppet|relief"
    r"|sculpture|statue|statuette|toy)\b"
)
"""Styles that name a thing take an article: a vinyl toy, but art deco."""


def _style_words(style: tuple[str, ...]) -> str:
    if not style:
        return ""
    lead = _a(style[0]) if _COUNTED.search(style[0]) else style[0]
    words = f", in the manner of {lead}"
    if len(style) > 1:
        words += f" with influences of {style[1]}"
    if len(style) > 2:
        words += f" and details of {style[2]}"
    return words


_FINISH = (
    (0.2, "mirror-glossy"),
    (0.4, "glossy"),
    (0.6, "satin"),
    (0.8, "matte"),
    (1.0, "dry, fully matte"),
)


def _stuff_words(stuff: Stuff, *, first: bool) -> str:
    finish = next(word for limit, word in _FINISH if stuff.roughness <= limit)
    metal = "metallic " if stuff.metallic >= 0.5 else ""
    look = f": {stuff.words}" if stuff.words else ""
    lead = "It is made of" if first else "Parts are made of"
    return f"{lead} {stuff.name} with a {finish} {metal}finish{look}"


def _lettering_words(spec: FigurineSpec) -> str:
    if not spec.lettering:
        return "The base and the figurine are plain and unlettered"
    words = f"the {spec.lettering_language} words «{spec.lettering}»"
    return f"The base carries {words}, and nothing else is lettered"


def _positive_words(avoid: tuple[str, ...], *, lettered: bool) -> list[str]:
    """A wish for each ban; a ban without a known wish is worded as freedom from it.

    Where letters are wanted (`lettered`), what else is lettered has been said.
    """
    said: list[str] = []
    for item in avoid:
        plain = _bare(item)
        wish = next(
            (words for key, words in _POSITIVE.items() if key in plain), f"the picture is free of {plain}"
        )
        if plain and wish not in said and not (lettered and wish == _POSITIVE["text"]):
            said.append(wish)
    return said


def _bare(item: str) -> str:
    """A ban without its «no»."""
    return re.sub(r"^(no|without|not)\s+", "", item.strip().lower())
