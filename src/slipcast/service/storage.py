"""How much a tenant's files may take: counted where contents are named, each content once.

A job that would go beyond is refused when it is sent, and so is every job of a tenant whose room is used up; a result
that would go beyond is not kept, and its job fails. What was bought for it stays, so that it is not paid for again.
"""

import math
import time
from collections.abc import Collection, Mapping

import sqlalchemy as sa

from slipcast.service.database.tables import file, job, purchase
from slipcast.service.errors import LimitReached
from slipcast.service.tenants import Scope

_DAY_S = 86400.0
_SWEEP_S = 3600.0
"""Retention's sweep comes once an hour."""
_NEVER = 1e18


def check_room(scope: Scope, contents: Mapping[str, int], *, needed: int = 0) -> None:
    """Raise LimitReached where `contents` (sha256 -> bytes) go beyond the tenant's storage, or `needed` bytes do.

    The caller holds the tenant's row, so that two cannot use the same room.
    """
    row = scope.row()
    coming = sum(contents[sha256] for sha256 in unnamed(scope, contents))
    left = int(row["storage_bytes"]) - scope.stored_bytes()
    lacking = max(coming, needed) - left
    if lacking <= 0:
        return
    what = f"{_size(coming)} come and {_size(max(left, 0))} are left" if coming else "nothing is left"
    raise LimitReached(
        f"the storage of {_size(row['storage_bytes'])} is used up: {what}; delete jobs that are not needed",
        retry_s=_frees_in_s(scope, lacking, int(row["retention_days"])),
    )


def unnamed(scope: Scope, contents: Collection[str]) -> set[str]:
    """Those of `contents` that no row of the tenant's names."""
    left = set(contents)
    for table in (file, purchase):
        if left:
            named = sa.select(table.c.sha256).where(
                table.c.tenant_id == scope.tenant_id, table.c.sha256.in_(left)
            )
            left -= set(scope.connection.scalars(named))
    return left


def _frees_in_s(scope: Scope, lacking: int, retention_days: int) -> float | None:
    """When retention alone will have made so much room; None when it never will."""
    files = (
        sa.select(file.c.sha256, file.c.bytes, sa.func.coalesce(job.c.finished_at, _NEVER).label("at"))
        .join_from(file, job)
        .where(file.c.tenant_id == scope.tenant_id)
    )
    bought = sa.select(purchase.c.sha256, purchase.c.bytes, purchase.c.at).where(
        purchase.c.tenant_id == scope.tenant_id
    )
    each = files.union_all(bought).subquery()
    last = sa.func.max(each.c.at)
    rows = scope.connection.execute(
        sa.select(sa.func.max(each.c.bytes).label("bytes"), last.label("at"))
        .group_by(each.c.sha256)
        .order_by(last)
    )
    freed = 0
    for row in rows:
        freed += row.bytes
        if row.at >= _NEVER:
            return None
        if freed >= lacking:
            return max(0.0, float(row.at) + retention_days * _DAY_S - time.time()) + _SWEEP_S
    return None


def _size(count: int) -> str:
    """As people say it: rounded up, so that what is used up is never 0."""
    for unit, part in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= part:
            return f"{math.ceil(10 * count / part) / 10:g} {unit}"
    return f"{count} bytes"
