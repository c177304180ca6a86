"""errors.py: the tree, its docstring and the table of exits say the same."""

import inspect
import re

import pytest

from slipcast.core import errors
from slipcast.core.errors import (
    STATUS,
    BadInput,
    ProviderTimeout,
    QuotaExceeded,
    SlipcastError,
    Status,
    status_of,
)

CLASSES = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, SlipcastError)]


def test_every_error_has_a_row() -> None:
    assert set(CLASSES) == set(STATUS)


def test_the_docstring_draws_the_whole_tree() -> None:
    drawn = re.findall(r"^[│├└─ ]*([A-Z]\w+)", str(errors.__doc__).split("\n\n")[1], re.MULTILINE)
    assert sorted(drawn) == sorted(kind.__name__ for kind in CLASSES)


@pytest.mark.parametrize("kind", CLASSES)
def test_exit_codes_are_for_failures_and_below_the_signals(kind: type[SlipcastError]) -> None:
    assert 1 <= STATUS[kind].exit_code < 126
    assert 400 <= STATUS[kind].http < 600
    assert kind.__doc__


def test_status_of_an_unlisted_class_is_that_of_its_nearest_parent() -> None:
    class Stale(QuotaExceeded):
        pass

    assert status_of(Stale("x")) == STATUS[QuotaExceeded]
    assert status_of(BadInput("x")) == Status(2, 422)
    assert status_of(ProviderTimeout("x")) == Status(3, 504)
