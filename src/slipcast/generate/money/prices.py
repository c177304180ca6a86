"""The table of picture models (models.toml): what each can make and what it costs.

Prices are a vendor's and change; each row says when and where it was read. An estimate before a call is
the picture's price plus the prompt's words; what is booked afterwards comes from the tokens that the
answer reports.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from slipcast.core.errors import BadInput
from slipcast.core.findings import Finding, finding

RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
"""Aspect ratios, width to height, that every model makes."""
WIDE_RATIOS = ("1:4", "4:1", "1:8", "8:1")
"""Those that some make beside them."""

_PIXELS = {  # at 1K; the vendor's larger sizes are whole multiples
    "1:1": (1024, 1024),
    "2:3": (848, 1264),
    "3:2": (1264, 848),
    "3:4": (896, 1200),
    "4:3": (1200, 896),
    "4:5": (928, 1152),
    "5:4": (1152, 928),
    "9:16": (768, 1376),
    "16:9": (1376, 768),
    "21:9": (1584, 672),
}
_REFERENCE_TOKENS = 1120
"""Tokens of one reference picture, the most that was seen: an estimate should not be too low."""
_THOUGHT_TOKENS = 250
"""Thinking is billed as text; an allowance for estimates."""


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Tokens of one call as the vendor reports them; 0 where it says nothing."""

    text_in: int = 0
    """Prompt, reference pictures included."""
    image_out: int = 0
    text_out: int = 0
    """Text, thinking included."""

    @property
    def total(self) -> int:
        """All tokens."""
        return self.text_in + self.image_out + self.text_out


@dataclass(frozen=True, kw_only=True)
class PictureModel:
    """One row of the table."""

    id: str
    name: str
    sizes: Mapping[str, int]
    """Size -> pixels of a square's side."""
    tokens: Mapping[str, int]
    """Size -> image tokens of a picture."""
    usd: Mapping[str, float]
    """Size -> price of a picture."""
    usd_per_million: Mapping[str, float]
    """`image_out`, `text_in`, `text_out`."""
    batch_factor: float = 0.5
    """Price of a batch picture relative to a single one."""
    wide_ratios: bool = False
    references: int = 3
    """Most reference pictures."""
    thinking: tuple[str, ...] = ()
    """Levels of thinking that can be asked for."""
    pixels: Mapping[str, tuple[int, int]] = field(default_factory=lambda: _PIXELS)
    """Ratio -> width and height at 1K, where they are known."""
    checked: date
    source: str
    estimate: Mapping[str, str] = field(default_factory=dict)
    """Size or `batch` -> why its price is not certain."""
    retired: date | None = None
    """The announced end."""
    instead: str = ""

    @property
    def ratios(self) -> tuple[str, ...]:
        """The aspect ratios that it makes."""
        return RATIOS + WIDE_RATIOS if self.wide_ratios else RATIOS

    def size_px(self, ratio: str, size: str) -> tuple[int, int] | None:
        """Width and height of a picture, None where they are not known."""
        at_1k = self.pixels.get(ratio)
        if at_1k is None:
            return None
        return at_1k[0] * self.sizes[size] // 1024, at_1k[1] * self.sizes[size] // 1024

    def check(self, *, ratio: str, size: str, references: int = 0, thinking: str = "") -> None:
        """Raise BadInput for a wish that this model does not fulfil."""
        wishes = (
            ("size", size, tuple(self.sizes)),
            ("ratio", ratio, self.ratios),
            ("thinking", thinking, ("", *self.thinking)),
        )
        for what, wish, known in wishes:
            if wish not in known:
                raise BadInput(
                    f"{what} {wish!r} is none of {self.id}; choose one of {', '.join(filter(None, known)) or 'none'}",
                    field=what,
                )
        if references > self.references:
            raise BadInput(
                f"{self.id} takes {self.references} references at most, not {references}; leave some out"
            )

    def notes(self, *, size: str, batch: bool = False, today: date | None = None) -> tuple[Finding, ...]:
        """What to know before buying from it; `today` decides whether its end has come."""
        out = []
        if self.retired and (today or date.today()) >= self.retired:
            out.append(
                finding(
                    "MODEL_RETIRED", {"model": self.id, "date": str(self.retired), "instead": self.instead}
                )
            )
        for key in (size, *(["batch"] if batch else [])):
            if key in self.estimate:
                out.append(
                    finding("PRICE_UNSURE", {"model": self.id, "size": key, "reason": self.estimate[key]})
                )
        return tuple(out)

    def expected_usd(self, *, text_tokens: int, references: int, size: str, batch: bool = False) -> float:
        """What one picture will cost, rather too much than too little."""
        usage = Usage(
            text_in=text_tokens + references * _REFERENCE_TOKENS,
            image_out=self.tokens[size],
            text_out=_THOUGHT_TOKENS,
        )
        return self.cost_usd(usage, batch=batch)

    def cost_usd(self, usage: Usage, *, batch: bool = False) -> float:
        """What `usage` costs at this row's rates."""
        rate = self.usd_per_million
        total = (
            usage.text_in * rate["text_in"]
            + usage.image_out * rate["image_out"]
            + usage.text_out * rate["text_out"]
        )
        return round(total / 1e6 * (self.batch_factor if batch else 1), 6)


def model_row(name: str) -> PictureModel:
    """The row `name`; an unlisted name gets the default's row under its own id, since models come and go.

    Raises BadInput for an empty name.
    """
    if not name:
        raise BadInput("model is empty; leave it out or name one of " + ", ".join(models()), field="model")
    known = models()
    if name in known:
        return known[name]
    base = known[default_model()]
    reason = f"it is not in the table; {base.id}'s price is taken"
    return PictureModel(
        id=name,
        name=name,
        sizes=base.sizes,
        tokens=base.tokens,
        usd=base.usd,
        usd_per_million=base.usd_per_million,
        wide_ratios=True,
        references=base.references,
        thinking=base.thinking,
        checked=base.checked,
        source=base.source,
        estimate=dict.fromkeys(base.sizes, reason),
    )


def default_model() -> str:
    """The model that is asked when none is named."""
    return str(_table()["default"])


@cache
def models() -> Mapping[str, PictureModel]:
    """Id -> row, the best first."""
    rows = {key: row for key, row in _table().items() if isinstance(row, dict)}
    return {key: _row(key, row) for key, row in rows.items()}


def _row(key: str, row: dict[str, Any]) -> PictureModel:
    fitted = dict(row, thinking=tuple(row["thinking"]))
    if "pixels" in row:
        fitted["pixels"] = {ratio: (int(w), int(h)) for ratio, (w, h) in row["pixels"].items()}
    return PictureModel(id=key, **fitted)


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((files("slipcast.generate.money") / "models.toml").read_text("utf-8"))
