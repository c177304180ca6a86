"""The book of every paid call: when, for whom, which model, which tokens, what it cost; and the budget.

A call is entered before it is sent, in the same transaction that checks the budget, so that parallel calls
and processes cannot overspend together. An entry that never got an answer (a killed process) stays «sent»
and counts as perhaps paid for. Amounts are what this program reckons from the price table; the vendor's
invoice decides.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from slipcast.core.errors import QuotaExceeded
from slipcast.core.options import check, real
from slipcast.generate.money.prices import Usage
from slipcast.generate.request import Billed
from slipcast.generate.stock.database import Database

_TABLES = """
CREATE TABLE IF NOT EXISTS calls (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL, day TEXT, run TEXT, tenant TEXT, provider TEXT, model TEXT,
    size TEXT, key TEXT, pid INTEGER, state TEXT, billed TEXT, estimate_usd REAL, cost_usd REAL,
    text_in INTEGER DEFAULT 0, image_out INTEGER DEFAULT 0, text_out INTEGER DEFAULT 0,
    response_id TEXT DEFAULT '', reason TEXT DEFAULT '');
CREATE INDEX IF NOT EXISTS calls_run ON calls (run);
CREATE INDEX IF NOT EXISTS calls_day ON calls (day, tenant);
"""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What may be spent, in US dollars; None is no limit.

    >>> Budget(run_usd=-1)
    Traceback (most recent call last):
    slipcast.core.errors.BadInput: run_usd is -1; give dollars from 0 to 1e+06, for instance 5, or None
    """

    run_usd: float | None = None
    """By one run."""
    day_usd: float | None = None
    """By the tenant in one day (UTC), all runs together."""

    def __post_init__(self) -> None:
        check(
            self,
            run_usd=real(0, 1e6, example=5, unit="dollars").or_none(),
            day_usd=real(0, 1e6, example=20, unit="dollars").or_none(),
        )


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Who makes a call, and what for."""

    run: str
    tenant: str = "default"
    provider: str
    model: str
    size: str
    key: str
    """The request's key."""


@dataclass(frozen=True, kw_only=True)
class Sum:
    """One line of the report."""

    day: str
    tenant: str
    model: str
    calls: int
    pictures: int
    """Calls that brought one."""
    usd: float
    """Of calls that were paid for."""
    unsure_usd: float
    """Of calls that perhaps were."""
    tokens: int


_SPENT = "COALESCE(SUM(CASE billed WHEN 'no' THEN 0 WHEN 'yes' THEN cost_usd ELSE MAX(estimate_usd, cost_usd) END), 0)"


class Ledger:
    """The book in one file, shared by all processes."""

    def __init__(self, folder: Path) -> None:
        """Open or make it. Raises BadInput when the folder cannot be written."""
        self._db = Database(folder / "ledger.sqlite", _TABLES)

    def begin(self, entry: Entry, estimate_usd: float, budget: Budget) -> int:
        """Enter a call that is about to be sent; returns its number.

        Raises QuotaExceeded when it would break the budget: then nothing is entered and nothing may be sent.
        """
        now = time.time()
        day = datetime.fromtimestamp(now, UTC).date().isoformat()
        with self._db.write() as db:
            scopes = (
                (budget.run_usd, "this run", "run=?", (entry.run,)),
                (budget.day_usd, "today", "day=? AND tenant=?", (day, entry.tenant)),
            )
            for limit, word, where, values in scopes:
                if limit is None:
                    continue
                spent = float(db.execute(f"SELECT {_SPENT} FROM calls WHERE {where}", values).fetchone()[0])
                if spent + estimate_usd > limit + 1e-9:
                    raise QuotaExceeded(
                        f"the budget is used up: ${spent:.4f} spent {word}, the next picture costs about"
                        f" ${estimate_usd:.4f}, ${limit:.2f} are allowed; raise the budget or stop here"
                    )
            who = (entry.run, entry.tenant, entry.provider, entry.model, entry.size, entry.key)
            row = db.execute(
                "INSERT INTO calls (at, day, run, tenant, provider, model, size, key, pid, state, billed, estimate_usd,"
                " cost_usd) VALUES (?,?,?,?,?,?,?,?,?,'sent','maybe',?,0)",
                (now, day, *who, os.getpid(), estimate_usd),
            )
            return int(row.lastrowid or 0)

    def end(
        self,
        number: int,
        *,
        billed: Billed,
        usage: Usage | None = None,
        cost_usd: float = 0.0,
        response_id: str = "",
        reason: str = "",
    ) -> None:
        """Complete an entry: with a picture (`reason` empty), or with why there is none."""
        usage = usage or Usage()
        state, tokens = "failed" if reason else "done", (usage.text_in, usage.image_out, usage.text_out)
        with self._db.write() as db:
            db.execute(
                "UPDATE calls SET state=?, billed=?, cost_usd=?, text_in=?, image_out=?, text_out=?, response_id=?,"
                " reason=? WHERE id=?",
                (state, billed.value, cost_usd, *tokens, response_id, reason, number),
            )

    def run_usd(self, run: str) -> tuple[float, float]:
        """What a run cost for sure, and beside it perhaps."""
        row = self._db.read(f"SELECT {_SURE}, {_UNSURE} FROM calls WHERE run=?", (run,))[0]
        return round(float(row[0]), 6), round(float(row[1]), 6)

    def report(self, *, since: str = "", tenant: str = "") -> list[Sum]:
        """Sums by day, tenant and model, oldest first; from the day `since` (2026-11-22) and of `tenant`
        only."""
        rows = self._db.read(
            f"SELECT day, tenant, model, COUNT(*) AS calls, SUM(state='done') AS pictures, {_SURE} AS sure,"
            f" {_UNSURE} AS unsure, SUM(text_in+image_out+text_out) AS tokens FROM calls"
            " WHERE day>=?1 AND (?2='' OR tenant=?2) GROUP BY day, tenant, model ORDER BY day, tenant, model",
            (since, tenant),
        )
        return [
            Sum(
                day=row["day"],
                tenant=row["tenant"],
                model=row["model"],
                calls=row["calls"],
                pictures=row["pictures"],
                usd=round(row["sure"], 6),
                unsure_usd=round(row["unsure"], 6),
                tokens=row["tokens"],
            )
            for row in rows
        ]

    def calls(self, run: str) -> list[Mapping[str, object]]:
        """Every entry of a run, in order."""
        return [dict(row) for row in self._db.read("SELECT * FROM calls WHERE run=? ORDER BY id", (run,))]

    def close(self) -> None:
        """Close the file."""
        self._db.close()


_SURE = "COALESCE(SUM(CASE billed WHEN 'yes' THEN cost_usd ELSE 0 END), 0)"
_UNSURE = "COALESCE(SUM(CASE billed WHEN 'maybe' THEN MAX(estimate_usd, cost_usd) ELSE 0 END), 0)"
