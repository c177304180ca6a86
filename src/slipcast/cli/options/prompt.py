"""What generate, make, refine, batches and prompt have in common: their options, and the way from words to
requests."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from slipcast.core.errors import BadInput
from slipcast.core.findings import Finding
from slipcast.core.values import View
from slipcast.generate.prompt import FigurineSpec, apply_preset, compose, spec_fields
from slipcast.generate.prompt_checks import PromptLimits, check_text, diagnose

if TYPE_CHECKING:
    from slipcast.generate.request import PictureRequest, Provider, Reference
    from slipcast.generate.results import GenerateOptions

F = TypeVar("F", bound=Callable[..., Any])


def _all(*options: Callable[[F], F]) -> Callable[[F], F]:
    def add(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return add


spec_options = _all(
    click.option("--preset", default="", help="A look by name; `slipcast prompt --list` shows them."),
    click.option("--presets", type=click.Path(path_type=Path), help="TOML file with presets of your own."),
    click.option(
        "--profile", default="for_3d", show_default=True, help="for_3d (alone, plain) or showcase (a scene)."
    ),
    click.option("--style", multiple=True, help="Up to three, the leading one first."),
    click.option("--material", multiple=True, help="NAME or NAME:ROUGHNESS, 0 (mirror) to 1 (chalk)."),
    click.option("--pose", default="", help="How it stands."),
    click.option("--scale", default="", help="1/7 scale commercialized figurine by default."),
    click.option("--environment", default="", help="Where it stands."),
    click.option("--lighting", default="", help="How it is lit."),
    click.option(
        "--camera", default="", help="LENS, SHOT, ANGLE, DEPTH OF FIELD: with commas, any may be empty."
    ),
    click.option("--avoid", multiple=True, help="What must not be seen."),
    click.option("--lettering", default="", help="Words to stand on the base."),
    click.option("--lettering-language", default="", help="Language of these words; English by default."),
    click.option("--back", default="", help="What its back looks like."),
    click.option("--view", default="front", show_default=True, help=f"The side to show: {', '.join(View)}."),
    click.option("--raw", is_flag=True, help="Send the words as they are."),
    click.option("--longest", default=2000, show_default=True, help="Characters of the longest prompt."),
    click.option(
        "--block",
        type=click.Path(path_type=Path),
        help="File with phrases that must not be sent, a line each.",
    ),
)
"""Options that describe the figurine."""

buy_options = _all(
    click.option(
        "--provider", default="gemini", show_default=True, help="gemini, or folder for pictures from disk."
    ),
    click.option(
        "--pictures", type=click.Path(path_type=Path), help="With --provider folder: a picture or a folder."
    ),
    click.option(
        "--model", default="", help="Picture model; `slipcast costs --models` lists them with prices."
    ),
    click.option("--ratio", default="1:1", show_default=True, help="Width to height."),
    click.option("--size", default="1K", show_default=True, help="1K, 2K or 4K."),
    click.option("--thinking", default="", help="Level of thinking, where the model has levels."),
    click.option("--reference", multiple=True, type=click.Path(path_type=Path), help="Picture to go along."),
    click.option(
        "--project", default="default", show_default=True, help="Whose quota it is; processes share it."
    ),
    click.option("--rate", type=int, help="Requests a minute, at most."),
    click.option("--rate-day", type=int, help="Requests a day, at most."),
    click.option("--max-cost", type=float, help="Dollars that this run may cost."),
    click.option("--max-cost-day", type=float, help="Dollars that a day may cost."),
    click.option(
        "--tenant", default="default", show_default=True, help="For whom; the costs are summed by it."
    ),
    click.option("--no-cache", is_flag=True, help="Do not look for pictures that were bought before."),
    click.option("--refresh", is_flag=True, help="Buy anew and replace what was bought before."),
    click.option(
        "--store-size",
        type=float,
        default=4.0,
        show_default=True,
        help="Gigabytes of bought pictures to keep; the longest unused go first.",
    ),
    click.option(
        "--similar", type=float, help="0 to 1: also take a picture bought for words so alike, say 0.85."
    ),
    click.option("--concurrency", default=4, show_default=True, help="Pictures asked for at the same time."),
    click.option(
        "--patience", default=900.0, show_default=True, help="Seconds for one picture, waiting included."
    ),
    click.option("--call-limit", default=180.0, show_default=True, help="Seconds for one call."),
    click.option("--stream", is_flag=True, help="Ask for a stream, which tells tokens on the way."),
    click.option("--base-url", default="", help="Another address than Google's: a gateway or a stand-in."),
    click.option("--api-version", default="", help="v1beta by default."),
    click.option(
        "--vertex-project", default="", help="Google Cloud project: use Vertex instead of an API key."
    ),
    click.option(
        "--vertex-location", default="global", show_default=True, help="Where Vertex works on the data."
    ),
    click.option(
        "--priority", default=0, show_default=True, help="The higher, the earlier among all that wait here."
    ),
)
"""Options that say how pictures are bought."""

Words = Mapping[str, Any]
"""A command's options by name: click hands them over so, and forty parameters would be written four times."""

SPEC_NAMES = (
    *(
        "preset",
        "presets",
        "profile",
        "style",
        "material",
        "pose",
        "scale",
        "environment",
        "lighting",
        "camera",
    ),
    *("avoid", "lettering", "lettering_language", "back", "view", "raw", "longest", "block"),
)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One picture to be asked for, with what is to be known about its prompt."""

    request: "PictureRequest"
    findings: tuple[Finding, ...]


def limits_of(words: Words, *, shortest: int = PromptLimits.shortest) -> PromptLimits:
    """What may be sent."""
    path: Path | None = words["block"]
    if path is None:
        return PromptLimits(shortest=shortest, longest=words["longest"])
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise BadInput(
            f"--block {path} cannot be read ({problem}); give a text file, a phrase a line"
        ) from None
    return PromptLimits(
        shortest=shortest,
        longest=words["longest"],
        blocked=tuple(line.strip() for line in lines if line.strip()),
    )


def spec_of(subject: str, words: Words, extra: Words | None = None) -> FigurineSpec:
    """The figurine that the options describe; `extra` are fields of one row of a file, which count more."""
    plain: dict[str, Any] = {
        "profile": words["profile"],
        "view": words["view"],
        "style": list(words["style"]),
        "avoid": list(words["avoid"]),
        "materials": list(words["material"]),
    }
    named = ("pose", "scale", "environment", "lighting", "lettering", "lettering_language", "back")
    plain |= {name: words[name] for name in named}
    if words["camera"]:
        parts = [part.strip() for part in words["camera"].split(",")]
        plain["camera"] = dict(zip(("lens", "shot", "angle", "depth_of_field"), parts, strict=False))
    given = {key: value for key, value in plain.items() if value}
    preset = words["preset"]
    if extra:
        extra = dict(extra)
        preset = extra.pop("preset", preset)
        given |= {key: value for key, value in extra.items() if value}
    spec = FigurineSpec(subject=subject, **spec_fields(given, where="the options"))
    return apply_preset(spec, preset, words["presets"]) if preset else spec


def ask_for(
    subject: str, words: Words, *, name: str = "", take: int = 0, extra: Words | None = None
) -> Asked:
    """The request for one subject. Raises BadInput for words that must not be sent or options that do not
    fit."""
    from slipcast.generate.money.prices import default_model
    from slipcast.generate.request import PictureRequest

    limits = limits_of(words)
    spec = spec_of(subject, words, extra)
    text = check_text(subject, limits) if words["raw"] else compose(spec, limits=limits).text
    model = words.get("model") or default_model()
    style = " ".join(spec.style)
    facts: list[tuple[str, object]] = []
    if spec.materials:
        first = spec.material
        facts.append(
            ("material", {"name": first.name, "metallic": first.metallic, "roughness": first.roughness})
        )
    if preset := (extra or {}).get("preset") or words["preset"]:
        facts.append(("preset", preset))
    request = PictureRequest(
        text=text,
        subject=" ".join(subject.split()).rstrip(" .,;:!"),
        view=spec.view,
        model=model,
        ratio=words.get("ratio", "1:1"),
        size=words.get("size", "1K"),
        references=tuple(reference_of(path) for path in words.get("reference", ())),
        thinking=words.get("thinking", ""),
        take=take,
        priority=words.get("priority", 0),
        name=name or slug(subject),
        facts=tuple(facts),
    )
    return Asked(request=request, findings=diagnose(subject, text, styled=bool(style), model=model))


def reference_of(path: Path) -> "Reference":
    """A picture file to go along. Raises BadInput when it cannot be used."""
    from slipcast.generate.providers.gemini.answers import decode
    from slipcast.generate.request import Reference

    try:
        data = path.read_bytes()
    except OSError as problem:
        raise BadInput(
            f"{path} cannot be read ({problem.strerror}); give a PNG, JPEG or WebP picture"
        ) from None
    wrong, mime, _, _ = decode(data)
    if wrong:
        raise BadInput(f"{path} is {wrong}; give a PNG, JPEG or WebP picture")
    if len(data) > 7_000_000:
        raise BadInput(f"{path} has {len(data) / 1e6:.1f} MB; references may have 7 MB, make it smaller")
    return Reference(data=data, mime=mime)


def provider_of(words: Words) -> "Provider":
    """The provider that the options name."""
    from slipcast.generate.providers.gemini.provider import GeminiOptions
    from slipcast.generate.providers.table import open_provider
    from slipcast.generate.request import Secret

    gemini = GeminiOptions(
        key=Secret("") if words.get("dry_run") else None,  # a price can be asked for before there is a key
        base_url=words["base_url"],
        api_version=words["api_version"],
        vertex_project=words["vertex_project"],
        vertex_location=words["vertex_location"],
        call_s=words["call_limit"],
        stream=words["stream"],
    )
    return open_provider(words["provider"], gemini=gemini, pictures=words["pictures"])


def options_of(words: Words, *, run: str = "") -> "GenerateOptions":
    """How the options say that pictures are bought."""
    from slipcast.generate.money.ledger import Budget
    from slipcast.generate.results import GenerateOptions
    from slipcast.generate.traffic.limits import LimitOptions
    from slipcast.generate.traffic.retry import RetryOptions

    if words["similar"] is not None and not 0 < words["similar"] <= 1:
        raise BadInput(
            f"--similar {words['similar']:g} is out of range; give a number from 0 to 1, for instance 0.85"
        )
    if words["concurrency"] < 1:
        raise BadInput(f"--concurrency {words['concurrency']} is too few; give 1 or more")
    if not 0 < words["store_size"] < 1e6:
        raise BadInput(
            f"--store-size {words['store_size']:g} is out of range; give gigabytes, for instance 4"
        )
    return GenerateOptions(
        tenant=words["tenant"],
        run=run,
        budget=Budget(run_usd=words["max_cost"], day_usd=words["max_cost_day"]),
        limits=LimitOptions(
            project=words["project"], requests_per_minute=words["rate"], requests_per_day=words["rate_day"]
        ),
        retry=RetryOptions(patience_s=words["patience"]),
        concurrency=words["concurrency"],
        cached=not words["no_cache"],
        cache_bytes=int(words["store_size"] * 1e9),
        refresh=words["refresh"],
        similar=words["similar"],
    )


def slug(text: str) -> str:
    """A file name for a subject: its first words, plain letters, never empty."""
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


def sidecar(facts: Mapping[str, object], findings: tuple[Finding, ...]) -> bytes:
    """The JSON beside a picture."""
    whole = {**facts, "findings": [finding.as_dict() for finding in findings]}
    return (json.dumps(whole, indent=2, ensure_ascii=False) + "\n").encode()
