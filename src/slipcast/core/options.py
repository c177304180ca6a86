"""Options that check themselves when they are made: field, value, cure.

A frozen dataclass calls `check` in its `__post_init__` with one rule for each of its fields. What does not fit is
refused with BadInput; what says the same in another form (a list for a tuple, `"fine"` for `Detail.FINE`, `FINE` for
`fine`, 3 for 3.0) is put into the field's own form.

>>> @dataclass(frozen=True, kw_only=True)
... class SliceOptions:
...     count: int = 4
...     def __post_init__(self) -> None:
...         check(self, count=whole(1, 16, example=4))
>>> SliceOptions(count=0)
Traceback (most recent call last):
slipcast.core.errors.BadInput: count is 0; give a whole number from 1 to 16, for instance 4
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from enum import Enum
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from slipcast.core.errors import BadInput

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


Row = TypeVar("Row")


@dataclass(frozen=True)
class Rule:
    """What a field takes."""

    fit: Callable[[object], object]
    """The value in the field's own form; raises ValueError for one that does not fit."""
    cure: str
    """What to give instead, after `give`."""
    none: bool = False
    """Whether None is taken too."""

    def or_none(self) -> "Rule":
        """The same rule, which takes None too."""
        return replace(self, none=True)


def whole(low: int, high: int, *, example: int) -> Rule:
    """A whole number from `low` to `high`; no bool. Its `fit` raises ValueError for what does not fit.

    >>> whole(1, 9, example=3).cure
    'a whole number from 1 to 9, for instance 3'
    """

    def fit(value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, Integral) or not low <= int(value) <= high:
            raise ValueError
        return int(value)

    return Rule(fit, f"a whole number from {low} to {high}, for instance {example}")


def real(low: float, high: float, *, example: float, unit: str = "") -> Rule:
    """A finite number from `low` to `high`; no bool, no text. Its `fit` raises ValueError for what does not fit.

    >>> real(0, 1, example=0.5).fit(1)
    1.0
    """

    def fit(value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, Real) or not low <= float(value) <= high:
            raise ValueError  # nan lies nowhere
        return float(value)

    end = f"to {high:g}" if math.isfinite(high) else "on"
    return Rule(fit, f"{unit or 'a number'} from {low:g} {end}, for instance {example:g}")


FOV = real(1, 120, example=24, unit="degrees")
"""A camera's vertical field of view."""


def choice(words: Iterable[str]) -> Rule:
    """One of `words`, in any case; of a StrEnum the member. Its `fit` raises ValueError for another word.

    >>> choice(("draft", "fine")).fit("Fine")
    'fine'
    """
    known = {str(getattr(word, "value", word)): word for word in words}

    def fit(value: object) -> object:
        if not isinstance(value, str):
            raise ValueError
        return known[_key(str(getattr(value, "value", value)), known)]

    return Rule(fit, f"one of {', '.join(known)}")


def _key(word: str, known: Iterable[str]) -> str:
    for key in known:
        if key.lower() == word.strip().lower():
            return key
    raise ValueError


def text(*, example: str, empty: bool = False) -> Rule:
    """A text; an empty one where `empty`. Its `fit` raises ValueError for anything else.

    >>> text(example="owl").fit("owl")
    'owl'
    """

    def fit(value: object) -> object:
        if not isinstance(value, str) or (not empty and not value.strip()):
            raise ValueError
        return value

    return Rule(fit, f"a text, for instance {example!r}")


def function(*, of: str) -> Rule:
    """A function, or anything that can be called; its `fit` raises ValueError for another value.

    >>> function(of="an event").fit(print) is print
    True
    """

    def fit(value: object) -> object:
        if not callable(value):
            raise ValueError
        return value

    return Rule(fit, f"a function of {of}")


def flag() -> Rule:
    """True or False, and nothing that is only like it; its `fit` raises ValueError for 1.

    >>> flag().fit(True)
    True
    """

    def fit(value: object) -> object:
        if not isinstance(value, bool):
            raise ValueError
        return value

    return Rule(fit, "True or False")


def path(*, example: str) -> Rule:
    """A path, as a text too; its `fit` raises ValueError for the empty one.

    >>> path(example="out").fit("out/knight").name
    'knight'
    """

    def fit(value: object) -> object:
        if not isinstance(value, str | Path) or not str(value) or "\0" in str(value):
            raise ValueError
        return Path(value)

    return Rule(fit, f"a path, for instance {example!r}")


def instance(kind: type) -> Rule:
    """A value of `kind`; its `fit` raises ValueError for another's.

    >>> instance(bytes).fit(b"glTF")
    b'glTF'
    """

    def fit(value: object) -> object:
        if not isinstance(value, kind):
            raise ValueError
        return value

    return Rule(fit, f"{'an' if kind.__name__[0] in 'AEIO' else 'a'} {kind.__name__}")


def several(rule: Rule, *, least: int = 0, most: int = 1_000_000) -> Rule:
    """A tuple (or list) of what `rule` takes, of `least` to `most`; no text. Its `fit` raises ValueError for another.

    >>> several(whole(1, 9, example=3), most=2).fit([1, 2])
    (1, 2)
    """

    def fit(value: object) -> object:
        if not isinstance(value, tuple | list) or not least <= len(value) <= most:
            raise ValueError
        return tuple(rule.fit(each) for each in value)

    count = "a tuple of entries" if most == 1_000_000 else f"{least} to {most} entries"
    if least == most:
        count = f"{most} entries"
    return Rule(fit, f"{count}, each {rule.cure}")


class Table(dict[str, Row]):
    """A table of what there is by name; another name is refused with those there are.

    >>> Table("size", {"small": 1, "large": 2})["huge"]
    Traceback (most recent call last):
    slipcast.core.errors.BadInput: size is 'huge'; give one of small, large
    """

    def __init__(self, field: str, rows: Mapping[str, Row]) -> None:
        super().__init__(rows)
        self.field = field

    def __missing__(self, name: object) -> Row:
        raise BadInput(f"{self.field} is {show(name)}; give one of {', '.join(self)}", field=self.field)


def check(options: "DataclassInstance", **rules: Rule) -> None:
    """Check every field of the frozen dataclass `options` by the rule of its name, and keep the form that it gives.

    Raises BadInput for the first field that does not fit, and TypeError where a field has no rule or a rule no field,
    which is a fault of ours.

    >>> from slipcast.reconstruct.simplify import SimplifyOptions
    >>> SimplifyOptions(faces=50)
    Traceback (most recent call last):
    slipcast.core.errors.BadInput: faces is 50; give a whole number from 100 to 2000000, for instance 50000
    """
    names = [entry.name for entry in fields(options)]
    if set(names) != set(rules):
        raise TypeError(f"{type(options).__name__} needs one rule a field: {set(names) ^ set(rules)}")
    for name in names:
        value = getattr(options, name)
        fitting = fit(name, value, rules[name])
        if fitting is not value:
            object.__setattr__(options, name, fitting)


def fit(name: str, value: object, rule: Rule) -> object:
    """The value in the form that `rule` gives it; raises BadInput where it does not fit the field `name`.

    >>> fit("workers", 2, whole(1, 64, example=4))
    2
    """
    if value is None and rule.none:
        return None
    try:
        return rule.fit(value)
    except BadInput as problem:  # it says more than the rule
        raise BadInput(f"{name} is wrong: {problem}", field=name) from None
    except (ValueError, OverflowError):
        cure = f"{rule.cure}{', or None' if rule.none else ''}"
        raise BadInput(f"{name} is {show(value)}; give {cure}", field=name) from None


def show(value: object) -> str:
    """A value for a sentence: short, on one line."""
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Enum):
        return repr(value.value)
    shown = " ".join(repr(value).split())
    return shown if len(shown) <= 80 else f"{shown[:77]}..."
