"""What pydantic found wrong, as one sentence that names the field and says what to give."""

import difflib
from collections.abc import Collection, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel

_BOUNDS = {
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "{le} or less",
    "greater_than": "more than {gt}",
    "less_than": "less than {lt}",
}
"""pydantic's kind of error -> what to give."""
_KINDS = {
    "bool": "true or false",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "int": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "finite_number": "a number",
    "string_type": "a text",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "date_from_datetime_parsing": "a day such as 2026-11-30",
    "date_parsing": "a day such as 2026-11-30",
    "date_type": "a day such as 2026-11-30",
}

_FORMS = {
    r"^[a-z0-9_]+$": "an id as the service gives them: letters, digits and _",
    r"^[\w][\w .-]*$": "letters, digits, spaces, _ . and -, a letter or a digit first",
    r"^[\w .:/-]*$": "letters, digits, spaces and _ . : / - only",
}
"""A field's pattern -> words for it."""
_FEW = 8
"""So many names are told; more are looked up."""


def say(entry: Mapping[str, Any], field: str, known: Collection[str]) -> str:
    """One error of `ValidationError.errors()` as a sentence; `known` are the names that a misspelt one may mean.

    >>> say({"type": "bool_parsing", "input": "maybe"}, "report", ())
    "report is 'maybe'; give true or false"
    >>> say({"type": "extra_forbidden"}, "options.detial", ["depth", "detail"])
    'options.detial is unknown; did you mean detail?'
    """
    said = str(entry.get("msg", "is wrong")).removeprefix("Value error, ")
    kind, facts = str(entry.get("type")), dict(entry.get("ctx") or {})
    what = field or "the body"
    if kind == "extra_forbidden":
        return f"{field} is unknown; {near(field.rpartition('.')[2], known)}"
    if kind == "json_invalid":
        return f"{field or 'the body'} is no JSON: {facts.get('error', 'it breaks off')}; send valid JSON"
    if kind == "missing":
        return f"{what} is missing; give it"
    if kind in _BOUNDS:
        plain = {name: f"{v:g}" if isinstance(v, float) else v for name, v in facts.items()}
        bound = _BOUNDS[kind].format(**plain)
        return f"{what} is {str(entry.get('input'))[:40]}; give {bound}"
    if not field and isinstance(entry.get("input"), bytes):
        return "the body is not said to be JSON; send it with the header Content-Type: application/json"
    if kind in _KINDS:
        return f"{what} is {_short(entry.get('input'))}; give {_KINDS[kind]}"
    if kind in ("literal_error", "enum"):
        return f"{what} is {_short(entry.get('input'))}; choose from {facts.get('expected')}"
    if kind == "string_pattern_mismatch":
        form = str(facts.get("pattern"))
        return f"{what} is {_short(entry.get('input'))}; give {_FORMS.get(form, form)}"
    if kind == "string_too_long":
        return f"{what} has more than {facts.get('max_length')} characters; shorten it"
    if kind == "string_too_short" and not entry.get("input"):
        return f"{what} is empty; give it"
    if kind == "string_too_short":
        return f"{what} has fewer than {facts.get('min_length')} characters; say more"
    if kind == "too_long":
        return f"{what} holds {facts.get('actual_length')}; give at most {facts.get('max_length')}"
    if kind == "too_short":
        return f"{what} holds {facts.get('actual_length')}; give {facts.get('min_length')} or more"
    return f"{field}: {said}" if field else said


def near(name: str, known: Collection[str]) -> str:
    """The cure for a name that is unknown: the nearest known one, or what there is."""
    if found := difflib.get_close_matches(name, known, n=1):
        return f"did you mean {found[0]}?"
    if 0 < len(known) <= _FEW:
        return f"there {'is' if len(known) == 1 else 'are'} {', '.join(known)}"
    return "/openapi.json lists what there is"


def fields_at(kind: Any, place: Sequence[str | int]) -> list[str]:
    """The fields of the model in which the last part of `place` lies, beginning at the type `kind`.

    >>> class Inner(BaseModel):
    ...     deep: int
    >>> class Outer(BaseModel):
    ...     rows: list[Inner]
    >>> fields_at(Outer, ["rows", 0, "dep"]), fields_at(Outer, ["row"])
    (['deep'], ['rows'])
    """
    model = _model_of(kind)
    for part in place[:-1]:
        if model is not None and isinstance(part, str):
            found = model.model_fields.get(part)
            model = None if found is None else _model_of(found.annotation)
    return [] if model is None else list(model.model_fields)


def _model_of(kind: Any) -> type[BaseModel] | None:
    """The model within a type such as `list[Model] | None`."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    return next((found for each in get_args(kind) if (found := _model_of(each)) is not None), None)


def _short(value: object) -> str:
    """A value as it is quoted: never more than a few words of it."""
    if isinstance(value, dict | list | tuple):
        return "an object" if isinstance(value, dict) else "a list"
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 40 else f"{text[:37]}...'"
