"""A figurine in words -> the request for its picture, and what is to be known about its prompt."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from slipcast.core.errors import BadInput
from slipcast.core.findings import Finding
from slipcast.core.options import check, flag, instance, several, text, whole
from slipcast.generate.money.prices import default_model, model_row
from slipcast.generate.prompt import FigurineSpec, compose
from slipcast.generate.prompt_checks import PromptLimits, check_text, diagnose
from slipcast.generate.providers.gemini.answers import decode
from slipcast.generate.request import PictureRequest, Reference

LARGEST_REFERENCE = 7_000_000
"""Bytes of a picture that goes along with a prompt."""


@dataclass(frozen=True, kw_only=True)
class PictureOptions:
    """How a picture is asked for.

    >>> PictureOptions(size="2K").size
    '2K'
    """

    model: str = ""
    """Picture model, of `slipcast.generate.money.prices.models`; empty for the default."""
    ratio: str = "1:1"
    """Width to height."""
    size: str = "1K"
    """`1K`, `2K` or `4K`."""
    thinking: str = ""
    """Level of thinking, where the model has levels."""
    references: tuple[Reference, ...] = ()
    """Pictures that go along."""
    priority: int = 0
    """The higher, the earlier among all that wait on this machine."""
    raw: bool = False
    """Send the subject's words as they are, without the sentences that models follow well."""
    limits: PromptLimits = field(default_factory=PromptLimits)
    """What may be sent."""

    def __post_init__(self) -> None:
        check(
            self,
            model=text(example="gemini-3-pro-image", empty=True),
            ratio=text(example="1:1"),
            size=text(example="1K"),
            thinking=text(example="low", empty=True),
            references=several(instance(Reference)),
            priority=whole(-1000, 1000, example=0),
            raw=flag(),
            limits=instance(PromptLimits),
        )
        row = model_row(self.model or default_model())
        row.check(ratio=self.ratio, size=self.size, thinking=self.thinking)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One picture to be asked for, with what is to be known about its prompt."""

    request: PictureRequest
    findings: tuple[Finding, ...]


def ask_for(
    spec: FigurineSpec,
    options: PictureOptions | None = None,
    *,
    name: str = "",
    take: int = 0,
    preset: str = "",
) -> Asked:
    """Return the request for one picture of `spec`, called `name` (from its subject by default).

    Another `take` gives another picture of the same words; `preset` is noted in the picture's facts. Raises BadInput
    for words that must not be sent.

    >>> ask_for(FigurineSpec(subject="a clockwork owl")).request.name
    'clockwork-owl'
    """
    options = options or PictureOptions()
    if set(name) & set("/\\\0") or name in (".", ".."):
        raise BadInput(f"name is {name!r}; give plain letters, since files are called so", field="name")
    limits = options.limits
    text = check_text(spec.subject, limits) if options.raw else compose(spec, limits=limits)
    model = options.model or default_model()
    facts: list[tuple[str, object]] = []
    if spec.materials:
        first = spec.material
        facts.append(
            ("material", {"name": first.name, "metallic": first.metallic, "roughness": first.roughness})
        )
    if preset:
        facts.append(("preset", preset))
    request = PictureRequest(
        text=text,
        subject=" ".join(spec.subject.split()).rstrip(" .,;:!"),
        view=spec.view,
        model=model,
        ratio=options.ratio,
        size=options.size,
        references=options.references,
        thinking=options.thinking,
        take=take,
        priority=options.priority,
        name=name or slug(spec.subject),
        facts=tuple(facts),
    )
    styled = bool(" ".join(spec.style))
    return Asked(request=request, findings=diagnose(spec.subject, text, styled=styled, model=model))


def read_reference(path: Path) -> Reference:
    """Read a picture file that goes along with a prompt. Raises BadInput when it cannot be used."""
    try:
        data = path.read_bytes()
    except OSError as problem:
        raise BadInput(
            f"{path} cannot be read ({problem.strerror}); give a PNG, JPEG or WebP picture"
        ) from None
    wrong, mime, _, _ = decode(data)
    if wrong:
        raise BadInput(f"{path} is {wrong}; give a PNG, JPEG or WebP picture")
    if len(data) > LARGEST_REFERENCE:
        raise BadInput(f"{path} has {len(data) / 1e6:.1f} MB; references may have 7 MB, make it smaller")
    return Reference(data=data, mime=mime)


def slug(text: str) -> str:
    """A file name for a subject: its first words, plain letters, never empty.

    >>> slug("A clockwork owl, brass")
    'clockwork-owl-brass'
    """
    plain = re.sub(r"[^\w]+", "-", text.lower()).strip("-_")
    plain = re.sub(r"^(a|an|the)-(?=.)", "", plain)
    return plain[:60].strip("-") or "figurine"


def name_apart(asked: Iterable[Asked]) -> Iterator[Asked]:
    """The same with every name once: a second `fox` becomes `fox-2`, or `fox-3` when a row before has that name."""
    taken: dict[str, int] = {}
    for one in asked:
        name = one.request.name
        number = taken.get(name, 0) + 1
        unique = name if number == 1 else f"{name}-{number}"
        while unique in taken:
            number += 1
            unique = f"{name}-{number}"
        taken[unique] = taken.get(unique, 1)
        taken[name] = number
        yield one if unique == name else replace(one, request=replace(one.request, name=unique))
