"""A group of options as one typed value: forty parameters would be written four times, and mypy reads no dictionary."""

import functools
from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar

_Command = TypeVar("_Command", bound=Callable[..., Any])


def collect(
    name: str, kind: type[Any], *options: Callable[[_Command], _Command]
) -> Callable[[_Command], _Command]:
    """A decorator that adds `options` to a command, whose parameter `name` gets their values as one `kind`.

    `kind` is a frozen dataclass; its fields are called as the options' parameters.
    """
    names = [entry.name for entry in fields(kind)]

    def add(command: _Command) -> _Command:
        @functools.wraps(command)
        def collected(*given: Any, **words: Any) -> Any:
            words[name] = kind(**{key: words.pop(key) for key in names})
            return command(*given, **words)

        wrapped: Any = collected
        for option in reversed(options):
            wrapped = option(wrapped)
        done: _Command = wrapped
        return done

    return add
