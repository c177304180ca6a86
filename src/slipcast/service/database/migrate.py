"""Bring the database to this version of the tables, or back to an older one; alembic does the steps."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from slipcast.core.errors import BadInput
from slipcast.service.database.engine import Database

FOLDER = Path(__file__).parent / "migrations"
_LOCK = 7_143_025
"""Of PostgreSQL's advisory locks: two processes that start at once must not both migrate."""


def upgrade(database: Database, revision: str = "head") -> None:
    """Go forward; does nothing where the database is there already. Raises BadInput for one of a newer Slipcast."""
    found = version_of(database)
    if revision == "head" and found == newest():
        return
    _check_known(found)
    with database.write() as connection:
        if not database.is_sqlite:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        command.upgrade(_config(connection), revision)


def downgrade(database: Database, revision: str) -> None:
    """Go back to `revision`; `base` is the empty database."""
    _check_known(version_of(database))
    with database.write() as connection:
        command.downgrade(_config(connection), revision)


def version_of(database: Database) -> str | None:
    """The revision that the database is at; None for an empty one."""
    with database.read() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest() -> str:
    """The revision that this program knows."""
    head = ScriptDirectory.from_config(_config(None)).get_current_head()
    assert head
    return head


def check_version(database: Database) -> None:
    """Raise BadInput when the database is not at this program's version."""
    found, wanted = version_of(database), newest()
    _check_known(found)
    if found != wanted:
        raise BadInput(
            f"the database is at version {found or 'none'}, this program needs {wanted}; run slipcast admin migrate"
        )


def _check_known(found: str | None) -> None:
    known = {each.revision for each in ScriptDirectory.from_config(_config(None)).walk_revisions()}
    if found is not None and found not in known:
        raise BadInput(
            f"the database is at version {found} of a newer Slipcast, this one knows {newest()}; start the newer, or "
            f"take the database back with it first: slipcast admin migrate --to {newest()}"
        )


def _config(connection: sa.Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    return config
