"""What generate, make, refine, views, batches and prompt have in common: the words that describe the figurine, and
those that say how pictures are bought."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from slipcast.cli.options.collect import collect
from slipcast.cli.options.common import PATH
from slipcast.cli.options.flags import Option, refuse_empty
from slipcast.cli.options.recipe import one_of
from slipcast.core.errors import BadInput
from slipcast.core.values import View
from slipcast.generate.cascade import CascadeOptions
from slipcast.generate.prompt import FigurineSpec, Profile, apply_preset, spec_fields
from slipcast.generate.prompt_checks import PromptLimits

if TYPE_CHECKING:
    from slipcast.generate.ask import Asked, PictureOptions
    from slipcast.generate.request import Provider
    from slipcast.generate.results import GenerateOptions


@dataclass(frozen=True, kw_only=True)
class SpecWords:
    """The words that describe the figurine, as they were typed."""

    preset: str
    presets: Path | None
    profile: str
    style: tuple[str, ...]
    material: tuple[str, ...]
    pose: str
    scale: str
    environment: str
    lighting: str
    camera: str
    avoid: tuple[str, ...]
    lettering: str
    lettering_language: str
    back: str
    view: str
    raw: bool
    longest: int
    block: Path | None


_SPEC = (
    click.option("--preset", default="", help="Style preset (see `slipcast prompt --list`)."),
    click.option("--presets", type=PATH, help="TOML file with your own presets."),
    click.option(
        "--profile",
        default="for_3d",
        show_default=True,
        help="Purpose of the picture: for_3d (alone, plain background) or showcase (a scene).",
    ),
    click.option("--style", multiple=True, help="Style; up to three, the leading one first."),
    click.option(
        "--material",
        callback=refuse_empty,
        multiple=True,
        help="Material: NAME or NAME:ROUGHNESS, 0 (mirror) to 1 (chalk).",
    ),
    click.option("--pose", default="", help="Pose of the figurine."),
    click.option(
        "--scale", default="", help="Kind and scale of the piece; default: 1/7 scale commercialized figurine."
    ),
    click.option("--environment", default="", help="Surroundings of the figurine."),
    click.option("--lighting", default="", help="Lighting of the figurine."),
    click.option("--camera", default="", help="Camera: LENS,SHOT,ANGLE,DEPTH OF FIELD; each may be empty."),
    click.option("--avoid", multiple=True, help="Things that the picture must not show."),
    click.option("--lettering", default="", help="Text on the base."),
    click.option(
        "--lettering-language", default="", help="Language of the text on the base; default: English."
    ),
    click.option("--back", default="", help="Look of the back."),
    click.option(
        "--view", default="front", show_default=True, help=f"Side that the picture shows: {', '.join(View)}."
    ),
    click.option("--raw", is_flag=True, help="Send the words unchanged."),
    click.option(
        "--longest", default=2000, show_default=True, help="Maximum length of a prompt in characters."
    ),
    click.option(
        "--block",
        type=PATH,
        help="File with forbidden phrases, one per line.",
    ),
)
spec_options = collect("spec", SpecWords, *_SPEC)
"""Adds the options that describe the figurine; the command's parameter `spec` gets them."""


@dataclass(frozen=True, kw_only=True)
class BuyWords:
    """The words that say how pictures are bought, as they were typed."""

    provider: str
    pictures: Path | None
    model: str
    ratio: str
    size: str
    thinking: str
    reference: tuple[Path, ...]
    project: str
    rate: int | None
    rate_day: int | None
    max_cost: float | None
    max_cost_day: float | None
    tenant: str
    no_cache: bool
    refresh: bool
    store_size: float
    similar: float | None
    concurrency: int
    patience: float
    call_limit: float
    stream: bool
    base_url: str
    api_version: str
    vertex_project: str
    vertex_location: str
    priority: int


_BUY = (
    click.option(
        "--provider",
        default="gemini",
        show_default=True,
        help="Picture provider: gemini, or folder (pictures from disk).",
    ),
    click.option("--pictures", type=PATH, help="Picture or folder for --provider folder."),
    click.option("--model", default="", help="Picture model (see `slipcast costs --models`)."),
    click.option("--ratio", default="1:1", show_default=True, help="Aspect ratio, width to height."),
    click.option("--size", default="1K", show_default=True, help="Picture size: 1K, 2K or 4K."),
    click.option("--thinking", default="", help="Thinking level, for models that have levels."),
    click.option("--reference", multiple=True, type=PATH, help="Reference picture."),
    click.option(
        "--project",
        default="default",
        show_default=True,
        help="Quota group; processes with the same name share one limit.",
    ),
    click.option(
        "--rate", cls=Option, fields=("requests_per_minute",), type=int, help="Maximum requests per minute."
    ),
    click.option(
        "--rate-day", cls=Option, fields=("requests_per_day",), type=int, help="Maximum requests per day."
    ),
    click.option(
        "--max-cost", cls=Option, fields=("run_usd",), type=float, help="Cost limit of this run in dollars."
    ),
    click.option(
        "--max-cost-day", cls=Option, fields=("day_usd",), type=float, help="Cost limit of a day in dollars."
    ),
    click.option(
        "--tenant", default="default", show_default=True, help="Tenant; costs are summed per tenant."
    ),
    click.option("--no-cache", is_flag=True, help="Ignore pictures bought before."),
    click.option("--refresh", is_flag=True, help="Buy again and replace pictures bought before."),
    click.option(
        "--store-size",
        cls=Option,
        fields=("cache_bytes",),
        type=float,
        default=4.0,
        show_default=True,
        help="Size of the store of bought pictures in gigabytes; the longest unused go first.",
    ),
    click.option(
        "--similar",
        type=float,
        help="Similarity from 0 to 1 at which a picture bought for other words is taken, e.g. 0.85.",
    ),
    click.option(
        "--concurrency", default=4, show_default=True, help="Number of pictures requested at the same time."
    ),
    click.option(
        "--patience",
        cls=Option,
        fields=("patience_s",),
        default=900.0,
        show_default=True,
        help="Time limit for one picture in seconds, waiting included.",
    ),
    click.option(
        "--call-limit",
        cls=Option,
        fields=("call_s",),
        default=180.0,
        show_default=True,
        help="Time limit for one call in seconds.",
    ),
    click.option("--stream", is_flag=True, help="Stream the answer, to see tokens arrive."),
    click.option("--base-url", default="", help="Address of a gateway or a stand-in instead of Google's."),
    click.option("--api-version", default="", help="API version; default: v1beta."),
    click.option(
        "--vertex-project", default="", help="Google Cloud project: use Vertex instead of an API key."
    ),
    click.option(
        "--vertex-location",
        default="global",
        show_default=True,
        help="Region in which Vertex processes the data.",
    ),
    click.option(
        "--priority",
        default=0,
        show_default=True,
        help="Priority; higher goes first among all that wait on this machine.",
    ),
)
buy_options = collect("buying", BuyWords, *_BUY)
"""Adds the options that say how pictures are bought; the command's parameter `buying` gets them."""


@dataclass(frozen=True, kw_only=True)
class CascadeWords:
    """The words that ask for drafts, as they were typed."""

    drafts: int
    draft: str
    final: str


cascade_options = collect(
    "drafting",
    CascadeWords,
    click.option("--drafts", default=0, help="Number of cheap drafts; the best is redrawn by --final."),
    click.option("--draft", default=CascadeOptions.draft, show_default=True, help="Model of the drafts."),
    click.option(
        "--final", default=CascadeOptions.final, show_default=True, help="Model of the redrawn picture."
    ),
)
"""Adds `--drafts`, `--draft` and `--final`; the command's parameter `drafting` gets them."""


def cascade_of(words: CascadeWords) -> "CascadeOptions | None":
    """The options of a cascade; None where no drafts are asked for."""
    if not words.drafts:
        return None
    return CascadeOptions(draft=words.draft, final=words.final, drafts=words.drafts)


def limits_of(
    block: Path | None, *, shortest: int = PromptLimits.shortest, longest: int = PromptLimits.longest
) -> PromptLimits:
    """Return what may be sent; `block` is a file with phrases that may not. BadInput where it cannot be read."""
    if block is None:
        return PromptLimits(shortest=shortest, longest=longest)
    try:
        lines = block.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise BadInput(
            f"--block {block} cannot be read ({problem}); give a text file, a phrase a line"
        ) from None
    blocked = tuple(line.strip() for line in lines if line.strip())
    return PromptLimits(shortest=shortest, longest=longest, blocked=blocked)


def spec_of(subject: str, words: SpecWords, extra: Mapping[str, Any] | None = None) -> FigurineSpec:
    """Return the figurine that the options describe; `extra` are fields of one row of a file, which count more.

    Raises BadInput for presets that are no file and for what FigurineSpec refuses.
    """
    if words.presets is not None and not words.presets.is_file():
        raise BadInput(f"--presets {words.presets} is no file; give a TOML file with presets")
    plain: dict[str, Any] = {
        "profile": one_of("--profile", words.profile, tuple(Profile)),
        "view": one_of("--view", words.view, tuple(View)),
        "style": list(words.style),
        "avoid": list(words.avoid),
        "materials": list(words.material),
        "pose": words.pose,
        "scale": words.scale,
        "environment": words.environment,
        "lighting": words.lighting,
        "lettering": words.lettering,
        "lettering_language": words.lettering_language,
        "back": words.back,
    }
    if words.camera:
        parts = [part.strip() for part in words.camera.split(",")]
        plain["camera"] = dict(zip(("lens", "shot", "angle", "depth_of_field"), parts, strict=False))
    given = {key: value for key, value in plain.items() if value}
    preset = words.preset
    if extra:
        extra = dict(extra)
        preset = extra.pop("preset", preset)
        given |= {key: value for key, value in extra.items() if value}
    spec = FigurineSpec(subject=subject, **spec_fields(given, where="the options"))
    return apply_preset(spec, preset, words.presets) if preset else spec


def picture_of(words: SpecWords, buying: BuyWords | None = None) -> "PictureOptions":
    """How the picture is asked for; `slipcast prompt` buys nothing and has no `buying`."""
    from slipcast.generate.ask import PictureOptions, read_reference

    limits = limits_of(words.block, longest=words.longest)
    if buying is None:
        return PictureOptions(raw=words.raw, limits=limits)
    references = tuple(read_reference(path) for path in buying.reference)
    return PictureOptions(
        model=buying.model,
        ratio=buying.ratio,
        size=buying.size,
        thinking=buying.thinking,
        references=references,
        priority=buying.priority,
        raw=words.raw,
        limits=limits,
    )


def ask_of(
    subject: str,
    words: SpecWords,
    options: "PictureOptions",
    *,
    name: str = "",
    take: int = 0,
    extra: Mapping[str, Any] | None = None,
) -> "Asked":
    """The request for one subject; `extra` are fields of one row of a file. BadInput says what cannot be sent."""
    from slipcast.generate.ask import ask_for

    preset = str((extra or {}).get("preset") or words.preset)
    spec = spec_of(subject, words, extra)
    return ask_for(spec, options, name=name, take=take, preset=preset)


def provider_of(words: BuyWords, *, dry_run: bool = False) -> "Provider":
    """The provider that the options name; a price can be asked for before there is a key."""
    from slipcast.generate.providers.gemini.provider import GeminiOptions
    from slipcast.generate.providers.table import open_provider
    from slipcast.generate.request import Secret

    gemini = GeminiOptions(
        key=Secret("") if dry_run else None,
        base_url=words.base_url,
        api_version=words.api_version,
        vertex_project=words.vertex_project,
        vertex_location=words.vertex_location,
        call_s=words.call_limit,
        stream=words.stream,
    )
    return open_provider(words.provider, gemini=gemini, pictures=words.pictures)


def options_of(words: BuyWords, *, run: str = "") -> "GenerateOptions":
    """Return how the options say that pictures are bought; BadInput for what cannot be."""
    from slipcast.generate.money.ledger import Budget
    from slipcast.generate.results import GenerateOptions
    from slipcast.generate.traffic.limits import LimitOptions
    from slipcast.generate.traffic.retry import RetryOptions

    if not 0 < words.store_size < 1e6:
        raise BadInput(
            f"--store-size is {words.store_size:g}; give gigabytes from 0 to 1000000, for instance 4"
        )
    return GenerateOptions(
        tenant=words.tenant,
        run=run,
        budget=Budget(run_usd=words.max_cost, day_usd=words.max_cost_day),
        limits=LimitOptions(
            project=words.project, requests_per_minute=words.rate, requests_per_day=words.rate_day
        ),
        retry=RetryOptions(patience_s=words.patience),
        concurrency=words.concurrency,
        cached=not words.no_cache,
        cache_bytes=int(words.store_size * 1e9),
        refresh=words.refresh,
        similar=words.similar,
    )
