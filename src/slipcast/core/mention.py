"""How a sentence names an option: the library says its field, the command line its flag.

A sentence of a table names an option as `{option:detail=draft}`. An error holds the field that is wrong, with which it
begins, and the option that cures, with which it ends. Whoever shows a sentence fills both in with a `Mention`.

>>> "convert with {option:detail=draft}".format(option=FIELDS)
'convert with detail=draft'
"""


class Mention:
    """Names options by their fields, as Python code and TOML do: `faces`, `detail=draft`."""

    def __format__(self, option: str) -> str:
        return option

    def fill(self, sentence: str, *, field: str = "", cure: str = "") -> str:
        """Return `sentence` with the name of `field` at its beginning, where it begins so, and `cure` at its end.

        >>> FIELDS.fill("the stages cannot be read; convert again with", cure="keep")
        'the stages cannot be read; convert again with keep'
        """
        if field and sentence.startswith((f"{field} ", f"{field}=")):
            sentence = f"{self:{field}}" + sentence[len(field) :]
        return f"{sentence} {self:{cure}}" if cure else sentence


FIELDS = Mention()
"""The library's way."""


def count_of(number: int, noun: str) -> str:
    """A number with its noun, plural where it is not one.

    >>> count_of(1, "call"), count_of(2, "call")
    ('1 call', '2 calls')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"
