"""Tenants: whose jobs, files and money these are, and the one door to what belongs to one of them.

`for_tenant` is that door: every query of the API on jobs, files, hooks goes through a `Scope`, which cannot see
another tenant's rows. What is not there and what is another's look the same: 404.
"""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError

from slipcast.core.errors import BadInput, SlipcastError
from slipcast.service.database.tables import (
    api_key,
    delivery,
    file,
    job,
    job_event,
    purchase,
    tenant,
    webhook,
)
from slipcast.service.jobs.queue import new_id
from slipcast.service.wording import say

LIMITS = (
    "weight",
    "max_running",
    "max_queued",
    "jobs_per_day",
    "requests_per_minute",
    "day_micro",
    "month_micro",
    "storage_bytes",
    "retention_days",
    "region",
    "active",
    "canary_share",
    "canary",
)
"""Columns that `set_limits` may change."""
_REGION = r"(eu|us|[a-z]+-[a-z]+\d{1,2})?"
_MOST, _MOST_WIDE = 2**31 - 1, 2**63 - 1
"""The largest numbers that columns of 32 and 64 bits hold."""


class NotThere(SlipcastError):
    """Nothing of the caller's has that id."""


@dataclass(frozen=True)
class Scope:
    """What one tenant may see, within one transaction."""

    connection: sa.Connection
    tenant_id: str

    def jobs(self) -> sa.Select[Any]:
        """A query over the tenant's jobs, to be narrowed."""
        return sa.select(job).where(job.c.tenant_id == self.tenant_id)

    def job(self, id: str, *, lock: bool = False) -> Mapping[str, Any]:
        """One job. Raises NotThere."""
        query = self.jobs().where(job.c.id == id)
        return self._one(query.with_for_update() if lock else query, f"there is no job {id}")

    def files(self, job_id: str) -> list[Mapping[str, Any]]:
        """A job's files, inputs first. Raises NotThere when there is no such job."""
        self.job(job_id)
        query = sa.select(file).where(file.c.job_id == job_id, file.c.tenant_id == self.tenant_id)
        return [
            dict(row) for row in self.connection.execute(query.order_by(file.c.role, file.c.name)).mappings()
        ]

    def files_of(self, job_ids: Sequence[str]) -> dict[str, list[Mapping[str, Any]]]:
        """The files of many jobs of the tenant's in one query: a list of 20 jobs must not ask 40 times."""
        found: dict[str, list[Mapping[str, Any]]] = {id: [] for id in job_ids}
        query = sa.select(file).where(file.c.job_id.in_(job_ids), file.c.tenant_id == self.tenant_id)
        for row in self.connection.execute(query.order_by(file.c.role, file.c.name)).mappings():
            found[row["job_id"]].append(dict(row))
        return found

    def file(self, job_id: str, name: str, role: str = "output") -> Mapping[str, Any]:
        """One file of a job. Raises NotThere."""
        query = sa.select(file).where(
            file.c.job_id == job_id,
            file.c.tenant_id == self.tenant_id,
            file.c.role == role,
            file.c.name == name,
        )
        return self._one(query, f"the job {job_id} has no file {name}")

    def events(self, job_id: str, after: int = 0) -> list[Mapping[str, Any]]:
        """A job's events behind number `after`. Raises NotThere when there is no such job."""
        self.job(job_id)
        query = sa.select(job_event).where(job_event.c.job_id == job_id, job_event.c.seq > after)
        return [dict(row) for row in self.connection.execute(query.order_by(job_event.c.seq)).mappings()]

    def webhooks(self) -> list[Mapping[str, Any]]:
        """The tenant's hooks."""
        query = sa.select(webhook).where(webhook.c.tenant_id == self.tenant_id).order_by(webhook.c.id)
        return [dict(row) for row in self.connection.execute(query).mappings()]

    def webhook(self, id: str) -> Mapping[str, Any]:
        """One hook. Raises NotThere."""
        query = sa.select(webhook).where(webhook.c.tenant_id == self.tenant_id, webhook.c.id == id)
        return self._one(query, f"there is no webhook {id}")

    def delivery(self, id: str) -> Mapping[str, Any]:
        """One message to a hook. Raises NotThere."""
        query = sa.select(delivery).where(delivery.c.tenant_id == self.tenant_id, delivery.c.id == id)
        return self._one(query, f"there is no delivery {id}")

    def deliveries(self, state: str = "", limit: int = 100) -> list[Mapping[str, Any]]:
        """The newest messages to hooks."""
        query = sa.select(delivery).where(delivery.c.tenant_id == self.tenant_id)
        if state:
            query = query.where(delivery.c.state == state)
        rows = self.connection.execute(query.order_by(delivery.c.id.desc()).limit(limit))
        return [dict(row) for row in rows.mappings()]

    def api_keys(self) -> list[Mapping[str, Any]]:
        """The tenant's keys, without their sums."""
        shown = [column for column in api_key.c if column.name != "sha256"]
        query = sa.select(*shown).where(api_key.c.tenant_id == self.tenant_id).order_by(api_key.c.id)
        return [dict(row) for row in self.connection.execute(query).mappings()]

    def key(self, id: str) -> Mapping[str, Any]:
        """One key. Raises NotThere."""
        query = sa.select(api_key).where(api_key.c.tenant_id == self.tenant_id, api_key.c.id == id)
        return self._one(query, f"there is no key {id}")

    def row(self, *, lock: bool = False) -> Mapping[str, Any]:
        """The tenant itself; with `lock` nobody else counts its quotas until the transaction ends."""
        query = sa.select(tenant).where(tenant.c.id == self.tenant_id)
        return self._one(query.with_for_update() if lock else query, "the tenant is gone")

    def stored_bytes(self) -> int:
        """What the tenant's files and bought pictures take, each content counted once."""
        named = sa.union_all(
            *(
                sa.select(table.c.sha256, table.c.bytes).where(table.c.tenant_id == self.tenant_id)
                for table in (file, purchase)
            )
        ).subquery()
        each = sa.select(sa.func.max(named.c.bytes).label("bytes")).group_by(named.c.sha256).subquery()
        return int(self.connection.scalar(sa.select(sa.func.coalesce(sa.func.sum(each.c.bytes), 0))) or 0)

    def _one(self, query: sa.Select[Any], sentence: str) -> Mapping[str, Any]:
        row = self.connection.execute(query).mappings().first()
        if row is None:
            raise NotThere(f"{sentence}; look at the list of yours")
        return dict(row)


def for_tenant(connection: sa.Connection, tenant_id: str) -> Scope:
    """The only way to a tenant's rows."""
    return Scope(connection, tenant_id)


def create_tenant(connection: sa.Connection, name: str, **limits: object) -> str:
    """A new tenant's id. Raises BadInput for a name that is taken or a limit that is unknown."""
    if not name.strip() or len(name) > 100:
        raise BadInput("the tenant's name must have 1 to 100 characters")
    if connection.scalar(sa.select(tenant.c.id).where(tenant.c.name == name)):
        raise BadInput(f"there is a tenant {name!r} already; choose another name")
    id = new_id("tenant")
    connection.execute(sa.insert(tenant).values(id=id, name=name, created_at=time.time(), **_checked(limits)))
    return id


def set_limits(connection: sa.Connection, id: str, **limits: object) -> None:
    """Change a tenant's limits. Raises BadInput for one that is unknown or out of range."""
    connection.execute(sa.update(tenant).where(tenant.c.id == id).values(**_checked(limits)))


def find_tenant(connection: sa.Connection, name_or_id: str) -> Mapping[str, Any]:
    """A tenant by name or id. Raises NotThere."""
    query = sa.select(tenant).where(sa.or_(tenant.c.id == name_or_id, tenant.c.name == name_or_id))
    row = connection.execute(query).mappings().first()
    if row is None:
        raise NotThere(f"there is no tenant {name_or_id!r}; see slipcast admin tenant list")
    return dict(row)


def _checked(limits: Mapping[str, object]) -> dict[str, object]:
    for name, value in limits.items():
        if name not in LIMITS:
            raise BadInput(f"{name} is no limit of a tenant; choose from {', '.join(LIMITS)}")
        if not _fits(name, value):
            raise BadInput(f"{name} is {value!r}; give {_say_range(name)}", field=name)
        if name == "canary":
            check_canary(value)
    return dict(limits)


def check_canary(options: object) -> None:
    """Raise BadInput for options that no asset can be made with: every job that got them would fail."""
    from slipcast.service.jobs.options import AssetOptions  # it brings the stages' tables

    try:
        AssetOptions.model_validate(options)
    except ValidationError as problem:
        first = problem.errors()[0]
        field = ".".join(["canary", *(str(part) for part in first["loc"])])
        raise BadInput(say(first, field, AssetOptions.model_fields), field=field) from None
    except BadInput as problem:
        raise BadInput(f"canary: {problem}") from None


def _fits(name: str, value: object) -> bool:
    """Whether a limit may have that value; a wrong one would stop every worker at the next job."""
    if name == "active":
        return isinstance(value, bool)
    if name == "region":
        return isinstance(value, str) and bool(re.fullmatch(_REGION, value))
    if name == "canary":
        return isinstance(value, dict) and all(isinstance(key, str) for key in value)
    if isinstance(value, bool):
        return False
    if name == "canary_share":
        return isinstance(value, int | float) and 0 <= value <= 1
    least, most = _range_of(name)
    return isinstance(value, int) and least <= value <= most


def _say_range(name: str) -> str:
    if name == "active":
        return "true or false"
    if name == "region":
        return "a Vertex region such as europe-west4, or nothing"
    if name == "canary":
        return 'options of an asset, for instance {"detail": "draft"}'
    if name == "canary_share":
        return "a number from 0 to 1"
    least, most = _range_of(name)
    return f"a whole number from {least} to {most}"


def _range_of(name: str) -> tuple[int, int]:
    """Of a whole number: from 1 or 0 to what the column holds."""
    least = 1 if name in ("weight", "retention_days", "requests_per_minute") else 0
    return least, _MOST_WIDE if name in ("day_micro", "month_micro", "storage_bytes") else _MOST
