"""cli/retell.py: JSON on the command line names options as the command line does."""

import click
import pytest

from slipcast.cli.options.flags import Flags
from slipcast.cli.retell import retell
from slipcast.core.advice import ADVICE, advise
from slipcast.core.findings import FINDINGS, Finding, finding
from slipcast.core.mention import FIELDS


@click.command()
@click.option("--tall", "height")
@click.option("--keep")
def command() -> None:
    """A command with two options."""


FLAGS = Flags(command, lambda: iter(()))


def test_findings_and_advice_are_retold_wherever_they_stand() -> None:
    found = finding("NO_FIGURINE")
    said = {"findings": (found.as_dict(),), "advice": [each.as_dict() for each in advise([found])]}
    told = retell([{"entry": said, "asset": said, "faces": 3}], FLAGS)
    assert isinstance(told, list)
    (entry,) = told
    assert entry["entry"]["findings"] == [found.as_dict()]
    assert entry["entry"]["advice"][0]["option"].startswith("--keep, and")
    assert entry["asset"] is said, "what repeats the file beside the asset is the file's"
    assert entry["faces"] == 3


def test_every_sentence_with_an_option_says_its_flag() -> None:
    codes = [code for code, row in FINDINGS.items() if "{option:faces}" in row.sentence]
    assert codes
    for code in codes:
        shown = Finding(code=code, values={"faces": 9, "budget": 5}).as_dict()
        flags = Flags(click.Command("x", params=[click.Option(["--faces"])]), lambda: iter(()))
        told = retell(shown, flags)
        assert isinstance(told, dict)
        assert "--faces" in told["message"]


@pytest.mark.parametrize(
    "entry",
    [
        {"code": "OF_LATER", "message": "as it was", "values": {}},
        {"code": "PICTURE_SMALL", "message": "as it was", "values": {"other": 1}},
        {"code": "PICTURE_SMALL", "message": "as it was"},
    ],
)
def test_what_another_version_wrote_stays(entry: dict[str, object]) -> None:
    assert retell(entry, FLAGS) == entry


def test_told_by_fields_nothing_changes() -> None:
    rows = [{"code": code, "option": row.option.format(option=FIELDS)} for code, row in ADVICE.items()]
    assert retell(rows, FIELDS) == rows
