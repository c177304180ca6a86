"""`slipcast serve`, `slipcast worker`, `slipcast admin`: the service on the command line."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import click

from slipcast.core.errors import BadInput
from slipcast.service import audit as audits
from slipcast.service import keys as api_keys
from slipcast.service import money
from slipcast.service.database.engine import Database
from slipcast.service.database.migrate import check_version, downgrade, newest, upgrade, version_of
from slipcast.service.private import private_files
from slipcast.service.settings import Settings, load_settings
from slipcast.service.store import Store
from slipcast.service.tenants import create_tenant, find_tenant, for_tenant, set_limits

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _is_amount(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    """A number from 0 to a billion; `nan` and `inf` are none."""
    if value is not None and not 0 <= value <= 1e9:
        raise click.BadParameter(f"{value} is no amount; give a number from 0 to 1000000000")
    return value


_PLACES = (
    click.option(
        "--config",
        type=click.Path(path_type=Path),
        help="Settings file (TOML) with a section for each environment.",
    ),
    click.option("--environment", help="Section of --config, e.g. staging or production."),
    click.option(
        "--data", type=click.Path(path_type=Path), help="Folder of the embedded database and store."
    ),
    click.option("--database", help="Database address (postgresql://...) instead of the embedded one."),
    click.option("--store", help="Store address (s3://..., gs://...) instead of a folder."),
)


def _placed(command: _Command) -> _Command:
    for option in reversed(_PLACES):
        command = option(command)
    return command


@click.command()
@click.option("--host", help="Address to listen on; default: 127.0.0.1.")
@click.option("--port", type=int, help="Port; default: 8080.")
@click.option("--workers", type=int, help="Number of worker processes on this machine; default: 1.")
@_placed
def serve(config: Path | None, **words: Any) -> int:
    """Serve the API and the web page, with workers beside it. The first start makes an admin key and shows it once."""
    from slipcast.service.serve import serve as run

    settings = load_settings(config, **words)
    with _tell(settings), private_files(settings):
        run(settings, click.echo)
    return 0


@click.command()
@_placed
def worker(config: Path | None, **words: Any) -> int:
    """Work on the jobs of a service that runs elsewhere: needs --database and --store, or their --config."""
    from slipcast.service.jobs.queue import new_id
    from slipcast.service.worker.__main__ import run_worker

    settings = load_settings(config, **words)
    with _tell(settings):
        database = Database(settings.database_url)
        check_version(database)
        database.close()
        with private_files(settings):
            return run_worker(settings, new_id("worker"), parent=False)


@click.group()
@_placed
@click.pass_context
def admin(ctx: click.Context, /, config: Path | None, **words: Any) -> None:
    """Manage tenants, keys, quotas, usage, audit log and backups, on the machine of the database."""
    ctx.obj = load_settings(config, **words)


@contextmanager
def _open(settings: Settings, *, make: bool = True) -> Iterator[Database]:
    with _tell(settings), private_files(settings):
        database = Database(settings.database_url)
        try:
            if make:
                upgrade(database)
            yield database
        finally:
            database.close()


@contextmanager
def _tell(settings: Settings) -> Iterator[None]:
    """What is wrong with a place or a name that was given, as BadInput."""
    from sqlalchemy.exc import InterfaceError, OperationalError

    from slipcast.service.tenants import NotThere

    try:
        yield
    except NotThere as problem:
        raise BadInput(str(problem)) from None
    except (FileNotFoundError, NotADirectoryError, PermissionError) as problem:
        place = problem.filename or settings.data
        raise BadInput(f"{place} cannot be used ({problem.strerror}); give a folder that is there") from None
    except (OperationalError, InterfaceError) as problem:
        why = str(problem.orig).splitlines()[0]
        raise BadInput(
            f"the database cannot be opened ({why}); look at its address, or at the data folder"
        ) from None


@admin.group()
def tenant() -> None:
    """Manage tenants: each has jobs, files and limits of its own."""


@tenant.command("list")
@click.pass_obj
def tenant_list(settings: Settings) -> None:
    """List all tenants, as JSON lines."""
    import sqlalchemy as sa

    from slipcast.service.database.tables import tenant as table

    with _open(settings) as database, database.read() as connection:
        for row in connection.execute(sa.select(table).order_by(table.c.name)).mappings():
            click.echo(json.dumps(dict(row)))


@tenant.command("create")
@click.argument("name")
@click.pass_obj
def tenant_create(settings: Settings, name: str) -> None:
    """Make a tenant; give it a key with `slipcast admin key create`."""
    with _open(settings) as database, database.write() as connection:
        id = create_tenant(connection, name)
        audits.record(connection, actor="command", action="tenant.create", target=id, tenant=id)
    click.echo(id)


@tenant.command("delete")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Confirm that all data of the tenant is deleted.")
@click.pass_obj
def tenant_delete(settings: Settings, name: str, yes: bool) -> None:
    """Delete a tenant with all its data and print the receipt."""
    from slipcast.service.erase import erase_data

    if not yes:
        raise BadInput(f"this deletes all data of {name}; say --yes")
    with _open(settings) as database:
        with database.read() as connection:
            id = find_tenant(connection, name)["id"]
        receipt = erase_data(database, Store(settings.store_url), id, actor="command", with_tenant=True)
    click.echo(json.dumps(receipt, indent=2))


@admin.group()
def key() -> None:
    """Manage API keys."""


@key.command("create")
@click.option("--tenant", "name", default="default", show_default=True, help="Tenant of the key.")
@click.option("--label", default="key", show_default=True, help="Purpose of the key.")
@click.option(
    "--scopes",
    default="read,write",
    show_default=True,
    help="Scopes: read, write, admin, metrics, comma-separated.",
)
@click.option("--days", type=float, help="Days until the key expires; default: never.")
@click.pass_obj
def key_create(settings: Settings, name: str, label: str, scopes: str, days: float | None) -> None:
    """Make a key and print it, this once."""
    wanted = tuple(part.strip() for part in scopes.split(",") if part.strip())
    with _open(settings) as database, database.write() as connection:
        if name == "default" and not _is_there(connection, name):
            create_tenant(connection, name)
        owner = find_tenant(connection, name)["id"]
        id, text = api_keys.issue(connection, owner, name=label, scopes=wanted, days=days)
        audits.record(connection, actor="command", action="key.create", target=id, tenant=owner)
    click.echo(text)


@key.command("list")
@click.option("--tenant", "name", default="default", show_default=True, help="Tenant of the key.")
@click.pass_obj
def key_list(settings: Settings, name: str) -> None:
    """List a tenant's keys, as JSON lines."""
    with _open(settings) as database, database.read() as connection:
        for row in for_tenant(connection, find_tenant(connection, name)["id"]).api_keys():
            click.echo(json.dumps(row))


@key.command("revoke")
@click.argument("id")
@click.pass_obj
def key_revoke(settings: Settings, id: str) -> None:
    """Revoke a key at once."""
    with _open(settings) as database, database.write() as connection:
        if not api_keys.revoke(connection, id):
            raise BadInput(f"there is no key {id} that could be revoked; see slipcast admin key list")
        audits.record(connection, actor="command", action="key.revoke", target=id)


@key.command("rotate")
@click.argument("id")
@click.option(
    "--overlap", default=86400.0, show_default=True, help="Seconds for which the old key stays valid."
)
@click.pass_obj
def key_rotate(settings: Settings, id: str, overlap: float) -> None:
    """Make a new key with the same rights and print it, this once."""
    with _open(settings) as database, database.write() as connection:
        made, text = api_keys.rotate(connection, id, overlap_s=overlap)
        audits.record(connection, actor="command", action="key.rotate", target=id, detail={"new": made})
    click.echo(text)


@admin.command()
@click.argument("name")
@click.option("--usd-day", type=float, callback=_is_amount, help="Cost limit of a day in dollars.")
@click.option("--usd-month", type=float, callback=_is_amount, help="Cost limit of a month in dollars.")
@click.option("--jobs-day", type=int, help="Maximum number of jobs in a day.")
@click.option("--running", type=int, help="Maximum number of jobs at the same time.")
@click.option("--queued", type=int, help="Maximum number of waiting jobs.")
@click.option("--weight", type=int, help="Weight of the tenant when workers are shared.")
@click.option(
    "--storage-gb", type=float, callback=_is_amount, help="Maximum size of the stored files in gigabytes."
)
@click.option("--requests-minute", type=int, help="Maximum number of requests of each key in a minute.")
@click.option("--retention-days", type=int, help="Days after which files are deleted.")
@click.option("--canary", help='Options that a share of its jobs is made with, as JSON: {"detail": "draft"}.')
@click.option("--canary-share", type=float, help="Share of its jobs that is made so, from 0 to 1.")
@click.option("--region", help="Vertex region that its prompts and pictures never leave.")
@click.pass_obj
def quota(settings: Settings, /, name: str, **words: Any) -> None:
    """Show a tenant's limits, or change those that are named."""
    columns = {
        "day_micro": None if words["usd_day"] is None else money.micro_of(words["usd_day"]),
        "month_micro": None if words["usd_month"] is None else money.micro_of(words["usd_month"]),
        "jobs_per_day": words["jobs_day"],
        "max_running": words["running"],
        "max_queued": words["queued"],
        "weight": words["weight"],
        "storage_bytes": None if words["storage_gb"] is None else int(words["storage_gb"] * 2**30),
        "requests_per_minute": words["requests_minute"],
        "retention_days": words["retention_days"],
        "canary": None if words["canary"] is None else _read_object(words["canary"]),
        "canary_share": words["canary_share"],
        "region": words["region"],
    }
    changed = {column: value for column, value in columns.items() if value is not None}
    with _open(settings) as database, database.write() as connection:
        id = find_tenant(connection, name)["id"]
        if changed:
            set_limits(connection, id, **changed)
            audits.record(
                connection, actor="command", action="tenant.limits", target=id, tenant=id, detail=changed
            )
        click.echo(json.dumps(dict(find_tenant(connection, id)), indent=2))


def _read_object(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError as problem:
        raise BadInput(
            f'canary is no JSON ({problem}); write {{"detail": "draft"}}', field="canary"
        ) from None


@admin.group()
def webhook() -> None:
    """Manage webhooks."""


@webhook.command("list")
@click.option("--tenant", "name", default="", help="Tenant; default: all.")
@click.pass_obj
def webhook_list(settings: Settings, name: str) -> None:
    """List webhooks, as JSON lines without their secrets."""
    import sqlalchemy as sa

    from slipcast.service.database.tables import webhook as table

    with _open(settings) as database, database.read() as connection:
        query = sa.select(*(column for column in table.c if column.name != "secret")).order_by(table.c.id)
        if name:
            query = query.where(table.c.tenant_id == find_tenant(connection, name)["id"])
        for row in connection.execute(query).mappings():
            click.echo(json.dumps(dict(row)))


@webhook.command("enable")
@click.argument("id")
@click.option("--resend", is_flag=True, help="Send its dead messages again, too.")
@click.pass_obj
def webhook_enable(settings: Settings, id: str, resend: bool) -> None:
    """Switch a webhook on again that answered 410."""
    import sqlalchemy as sa

    from slipcast.service.database.tables import webhook as table
    from slipcast.service.webhooks import enable

    with _open(settings) as database, database.write() as connection:
        owner = connection.scalar(sa.select(table.c.tenant_id).where(table.c.id == id))
        if owner is None:
            raise BadInput(f"there is no webhook {id!r}; see slipcast admin webhook list")
        count = enable(for_tenant(connection, owner), id, resend=resend, actor="command")
    click.echo(f"{id} is on again; {count} dead messages are sent again")


@admin.command()
@click.option("--tenant", "name", default="", help="Tenant; default: all.")
@click.option("--since", help="First day, e.g. 2026-11-01.")
@click.option("--until", help="First day that is not counted.")
@click.option(
    "--format",
    "form",
    default="json",
    type=click.Choice(["json", "csv"]),
    show_default=True,
    help="Format of the report.",
)
@click.pass_obj
def usage(settings: Settings, name: str, since: str | None, until: str | None, form: str) -> None:
    """Show jobs and costs by day, tenant and cost centre."""
    from slipcast.service.api.account import check_days, seconds_of, usage_csv

    first, last = _read_day("since", since), _read_day("until", until)
    check_days(first, last)
    with _open(settings) as database, database.read() as connection:
        id = find_tenant(connection, name)["id"] if name else ""
        rows = money.usage(connection, tenant_id=id, since=seconds_of(first) or 0.0, until=seconds_of(last))
    click.echo(json.dumps(rows, indent=2) if form == "json" else usage_csv(rows), nl=form == "json")


def _read_day(name: str, text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise BadInput(f"{name} is {text!r}, which is no day; write 2026-11-01", field=name) from None


@admin.command()
@click.option("--verify", is_flag=True, help="Only check whether the chain is whole.")
@click.option("--tenant", "name", default="", help="Tenant; default: all.")
@click.pass_obj
def audit(settings: Settings, verify: bool, name: str) -> int:
    """Print the audit log as JSON lines, or check that it is whole (exit code 6 if not)."""
    with _open(settings) as database, database.read() as connection:
        if verify:
            count, problem = audits.verify(connection)
            click.echo(f"{count} lines, {problem or 'the chain is whole'}")
            return 6 if problem else 0
        id = find_tenant(connection, name)["id"] if name else ""
        for line in audits.read_lines(connection, tenant=id):
            click.echo(json.dumps(line, ensure_ascii=False, sort_keys=True))
    return 0


@admin.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def backup(settings: Settings, file: Path) -> None:
    """Write database and store into FILE (a tar), while the service runs."""
    from slipcast.service.backup import back_up

    with _open(settings, make=False) as database:
        manifest = back_up(database, Store(settings.store_url), file)
    missing = f", {len(manifest['missing'])} were gone" if manifest["missing"] else ""
    click.echo(f"{file}: {sum(manifest['tables'].values())} rows, {manifest['files']} files{missing}")


@admin.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def restore(settings: Settings, file: Path) -> None:
    """Fill an empty database and store from FILE."""
    from slipcast.service.backup import restore as run

    with _open(settings, make=False) as database:
        manifest = run(database, Store(settings.store_url), file)
    click.echo(f"{sum(manifest['tables'].values())} rows and {manifest['files']} files are back")


@admin.command()
@click.option("--to", "revision", default="head", show_default=True, help="Revision, head or base.")
@click.pass_obj
def migrate(settings: Settings, revision: str) -> None:
    """Bring the database to this program's version, or back to an older one before its program is started."""
    from alembic.util import CommandError

    with _open(settings, make=False) as database:
        before = version_of(database)
        if revision in ("head", newest()):
            upgrade(database)
        else:
            try:
                downgrade(database, revision)
            except CommandError:
                raise BadInput(f"there is no revision {revision!r}; give head, base or a revision") from None
        click.echo(f"{before or 'base'} -> {version_of(database) or 'base'}")


def _is_there(connection: Any, name: str) -> bool:
    from slipcast.service.tenants import NotThere

    try:
        find_tenant(connection, name)
    except NotThere:
        return False
    return True
