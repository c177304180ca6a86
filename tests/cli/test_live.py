"""What is seen while pictures are bought."""

import io

import pytest

from slipcast.cli.live import Board
from slipcast.cli.terminal import Terminal
from slipcast.generate.request import State
from slipcast.jobs.events import Buying


class Screen(io.StringIO):
    """Text that takes itself for a terminal."""

    def isatty(self) -> bool:
        return True


def event(name: str, state: State, detail: str = "", wait_s: float = 0.0, tokens: int = 0) -> Buying:
    return Buying(entry=name, state=state, detail=detail, wait_s=wait_s, tokens=tokens)


def test_each_request_has_its_line_and_the_ended_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    out, err = Screen(), Screen()
    with Board(Terminal(out, err)) as board:
        board.tell(event("fox", State.WAITING, "the provider's quota, as it says", 7.4))
        board.tell(event("owl", State.RECEIVING, tokens=1120))
        board.tell(event("cat", State.FAILED, "refused"))
        for number in range(20):
            board.tell(event(f"more{number}", State.SENT))
        board.terminal.say("out/dog.png | $0.03 [not markup]")
        board.terminal.complain("cat: refused")
    seen = err.getvalue()
    for words in (
        "fox",
        "waiting",
        "7 s",
        "quota",
        "1120 tokens",
        "10 more on the way",
        "1 failed",
        "[not markup]",
    ):
        assert words in seen, words
    assert "slipcast: cat: refused" in seen
    assert not out.getvalue()  # one terminal: lines go above what is being redrawn


def test_where_nobody_looks_nothing_is_drawn() -> None:
    out, err = io.StringIO(), io.StringIO()
    with Board(Terminal(out, err)) as board:
        board.tell(event("fox", State.SENT))
        board.terminal.say("out/fox.png")
    assert (out.getvalue(), err.getvalue()) == ("out/fox.png\n", "")
