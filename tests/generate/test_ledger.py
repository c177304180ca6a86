"""The book of calls, the budget, the price table."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from slipcast.core.errors import BadInput, QuotaExceeded
from slipcast.generate.money.ledger import Budget, Entry, Ledger
from slipcast.generate.money.prices import RATIOS, Usage, default_model, model_row, models
from slipcast.generate.request import Billed


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(tmp_path)
    yield made
    made.close()


def entry(run: str = "r", tenant: str = "t", model: str = "m") -> Entry:
    return Entry(run=run, tenant=tenant, provider="gemini", model=model, size="1K", key="k")


USAGE = Usage(text_in=10, image_out=1120, text_out=5)


def test_a_call_is_entered_before_and_completed_after(ledger: Ledger) -> None:
    number = ledger.begin(entry(), 0.04, Budget())
    (row,) = ledger.calls("r")
    assert (row["state"], row["billed"]) == ("sent", "maybe")
    assert ledger.run_usd("r") == (0, 0.04)  # a killed process leaves it so
    ledger.end(number, billed=Billed.YES, usage=USAGE, cost_usd=0.035, response_id="x")
    (row,) = ledger.calls("r")
    assert (row["state"], row["image_out"], row["response_id"]) == ("done", 1120, "x")
    assert ledger.run_usd("r") == (0.035, 0)


def test_what_was_not_billed_costs_nothing(ledger: Ledger) -> None:
    ledger.end(ledger.begin(entry(), 0.04, Budget()), billed=Billed.NO, reason="overloaded")
    ledger.end(ledger.begin(entry(), 0.04, Budget()), billed=Billed.MAYBE, reason="broke off")
    assert ledger.run_usd("r") == (0, 0.04)


def test_the_budget_counts_runs_days_and_tenants_apart(ledger: Ledger) -> None:
    tight = Budget(run_usd=0.1, day_usd=0.15)
    ledger.begin(entry("a"), 0.06, tight)
    with pytest.raises(QuotaExceeded, match="this run"):
        ledger.begin(entry("a"), 0.06, tight)
    ledger.begin(entry("b"), 0.06, tight)
    with pytest.raises(QuotaExceeded, match="today"):
        ledger.begin(entry("c"), 0.06, tight)
    ledger.begin(entry("c", tenant="other"), 0.06, tight)
    assert len(ledger.calls("a")) == 1  # a refused call is not entered
    with pytest.raises(BadInput, match="run_usd"):
        Budget(run_usd=-1)
    with pytest.raises(BadInput, match="day_usd"):
        Budget(day_usd=float("nan"))


def test_parallel_calls_cannot_overspend_together(ledger: Ledger, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from slipcast.generate.money.ledger import *;"
        "from slipcast.core.errors import *\n"
        "ledger = Ledger(Path(sys.argv[1])); n = 0\n"
        "e = Entry(run='r', provider='p', model='m', size='1K', key='k')\n"
        "for _ in range(30):\n"
        "    try: ledger.begin(e, 0.04, Budget(run_usd=1.0)); n += 1\n"
        "    except QuotaExceeded: pass\n"
        "print(n)"
    )
    runs = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    done: list[int] = []

    def here() -> None:
        for _ in range(30):
            try:
                ledger.begin(
                    Entry(run="r", provider="p", model="m", size="1K", key="k"), 0.04, Budget(run_usd=1.0)
                )
            except QuotaExceeded:
                continue
            done.append(1)

    threads = [threading.Thread(target=here) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    others = sum(int(run.communicate(timeout=60)[0]) for run in runs)
    assert len(done) + others == 25
    assert sum(ledger.run_usd("r")) == pytest.approx(1.0)


def test_the_report_sums_by_day_tenant_and_model(ledger: Ledger) -> None:
    for tenant, model in (("a", "m"), ("a", "m"), ("a", "n"), ("b", "m")):
        ledger.end(
            ledger.begin(entry("r", tenant, model), 0.04, Budget()),
            billed=Billed.YES,
            usage=USAGE,
            cost_usd=0.5,
        )
    ledger.end(ledger.begin(entry("r", "a"), 0.04, Budget()), billed=Billed.MAYBE, reason="lost")
    rows = ledger.report()
    assert [(row.tenant, row.model, row.calls, row.pictures) for row in rows] == [
        ("a", "m", 3, 2),
        ("a", "n", 1, 1),
        ("b", "m", 1, 1),
    ]
    assert (rows[0].usd, rows[0].unsure_usd, rows[0].tokens) == (1.0, 0.04, 2 * 1135)
    assert [row.tenant for row in ledger.report(tenant="b")] == ["b"]
    assert ledger.report(since="2999-01-01") == []


def test_every_model_row_is_complete_and_adds_up() -> None:
    assert default_model() in models()
    for row in models().values():
        assert set(row.sizes) == set(row.tokens) == set(row.usd)
        assert set(row.usd_per_million) == {"image_out", "text_in", "text_out"}
        assert row.source
        assert date(2026, 1, 1) < row.checked
        for size, tokens in row.tokens.items():
            assert row.usd[size] == pytest.approx(tokens * row.usd_per_million["image_out"] / 1e6, rel=0.01)
        for ratio in RATIOS:
            width, height = row.size_px(ratio, "1K") or (0, 0)
            wide, high = map(int, ratio.split(":"))
            assert width / height == pytest.approx(wide / high, rel=0.04)


def test_prices_of_record() -> None:
    assert models()["gemini-3-pro-image"].usd["1K"] == pytest.approx(0.134, abs=5e-4)
    assert models()["gemini-2.5-flash-image"].usd["1K"] == pytest.approx(0.039, abs=5e-4)
    row = models()["gemini-nano-banana-2.1"]
    assert row.cost_usd(Usage(text_in=1000, image_out=1120, text_out=100)) == pytest.approx(
        0.0336 + 0.0015 + 0.00075
    )
    assert row.cost_usd(USAGE, batch=True) == pytest.approx(row.cost_usd(USAGE) / 2, abs=1e-6)
    assert row.size_px("3:4", "2K") == (1792, 2400)
    assert models()["gemini-3.1-flash-image"].size_px("1:1", "512") == (512, 512)


def test_a_model_past_its_end_says_so() -> None:
    row = models()["gemini-2.5-flash-image"]
    assert [note.code for note in row.notes(size="1K", today=date(2026, 11, 22))] == ["MODEL_RETIRED"]
    assert row.notes(size="1K", today=date(2026, 1, 1)) == ()


def test_an_unknown_model_may_be_asked_with_an_estimate() -> None:
    row = model_row("gemini-of-tomorrow")
    assert row.id == "gemini-of-tomorrow"
    assert [note.code for note in row.notes(size="1K")] == ["PRICE_UNSURE"]
    with pytest.raises(BadInput, match="model is empty"):
        model_row("")


def test_wishes_are_checked_against_the_row() -> None:
    lite = models()["gemini-3.1-flash-lite-image"]
    with pytest.raises(BadInput, match=r"size '2K' is none of .*; choose one of 1K"):
        lite.check(ratio="1:1", size="2K")
    with pytest.raises(BadInput, match="ratio '1:8' is none of"):
        lite.check(ratio="1:8", size="1K")
    with pytest.raises(BadInput, match="3 references at most"):
        models()["gemini-2.5-flash-image"].check(ratio="1:1", size="1K", references=4)
    models()["gemini-nano-banana-2.1"].check(ratio="1:8", size="4K", references=14, thinking="high")
