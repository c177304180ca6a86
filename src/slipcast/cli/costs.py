"""`slipcast costs`: what was spent, by day, tenant and model; and what pictures cost."""

import json
from dataclasses import asdict
from datetime import date

import click

from slipcast.cli.terminal import Terminal
from slipcast.core.errors import BadInput


@click.command()
@click.option("--since", default="", help="First day, for instance 2026-11-01.")
@click.option("--tenant", default="", help="Tenant whose costs are shown; default: all.")
@click.option("--models", is_flag=True, help="List the picture models with their prices instead.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def costs(terminal: Terminal, since: str, tenant: str, models: bool, as_json: bool) -> int:
    """Report what the pictures cost that were bought on this machine.

    The sums are reckoned from the tokens that the answers reported and the price table; the invoice is
    Google's.
    `perhaps` is for calls whose answer never came and that may have been billed all the same.
    """
    if since:
        _check_day(since)
    if models:
        return _models(terminal, as_json=as_json)
    from slipcast.core.paths import state_folder
    from slipcast.generate.money.ledger import Ledger

    ledger = Ledger(state_folder())
    try:
        rows = ledger.report(since=since, tenant=tenant)
    finally:
        ledger.close()
    if as_json:
        terminal.say(json.dumps([asdict(row) for row in rows], indent=2))
        return 0
    if not rows:
        terminal.say("nothing was bought yet")
        return 0
    width = max(len(row.model) for row in rows)
    tenants = max(len("tenant"), *(len(row.tenant) for row in rows))
    head = f"{'day':<10}  {'tenant':<{tenants}}  {'model':<{width}}"
    terminal.say(f"{head}  calls  pictures  {'tokens':>9}  {'cost':>9}  perhaps")
    for row in rows:
        terminal.say(
            f"{row.day:<10}  {row.tenant:<{tenants}}  {row.model:<{width}}  {row.calls:>5}  {row.pictures:>8}"
            f"  {row.tokens:>9}  {f'${row.usd:.4f}':>9}  ${row.unsure_usd:.4f}"
        )
    sure, unsure = sum(row.usd for row in rows), sum(row.unsure_usd for row in rows)
    terminal.say(f"together ${sure:.4f}, and perhaps ${unsure:.4f} more")
    return 0


def _check_day(word: str) -> None:
    try:
        fits = date.fromisoformat(word).isoformat() == word
    except ValueError:
        fits = False
    if not fits:
        raise BadInput(f"--since {word!r} is no day; give for instance 2026-11-01")


def _models(terminal: Terminal, *, as_json: bool) -> int:
    from slipcast.generate.money.prices import default_model, models

    rows = models()
    if as_json:
        shown = {key: asdict(row) | {"default": key == default_model()} for key, row in rows.items()}
        terminal.say(json.dumps(shown, indent=2, default=str))
        return 0
    width = max(map(len, rows))
    for key, row in rows.items():
        prices = ", ".join(
            f"{size} ${row.usd[size]:.4f}{'?' if size in row.estimate else ''}" for size in row.sizes
        )
        note = f"  retired {row.retired}" if row.retired else "  default" if key == default_model() else ""
        terminal.say(f"{key:<{width}}  {prices}  (read {row.checked}){note}")
    return 0
