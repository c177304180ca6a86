"""The audit log: who did what to whom, in a chain in which no line can be changed or left out unseen.

Each line holds the sha256 of itself together with that of the line before. Retention removes the oldest lines and
remembers the sum of the last one removed, so that the rest still verifies. Prompts and pictures are never in it, only
their sums and ids.
"""

import hashlib
import json
import time
from collections.abc import Iterator, Mapping

import sqlalchemy as sa

from slipcast.service.database.tables import audit, head


def record(
    connection: sa.Connection,
    *,
    actor: str,
    action: str,
    target: str,
    tenant: str = "",
    detail: Mapping[str, object] | None = None,
) -> str:
    """Append a line within the caller's transaction; returns its sum."""
    last = connection.execute(sa.select(head).where(head.c.name == "audit").with_for_update()).one()
    line = {
        "id": int(last.number) + 1,
        "at": round(time.time(), 3),
        "tenant_id": tenant,
        "actor": actor,
        "action": action,
        "target": target,
        "detail": dict(detail or {}),
        "before": last.text,
    }
    sha256 = _sum(line)
    connection.execute(sa.insert(audit).values(**line, sha256=sha256))
    connection.execute(sa.update(head).where(head.c.name == "audit").values(number=line["id"], text=sha256))
    return sha256


def read_lines(
    connection: sa.Connection, *, tenant: str = "", since: float = 0.0
) -> Iterator[dict[str, object]]:
    """The lines, oldest first; a tenant's own when it is named."""
    query = sa.select(audit).where(audit.c.at >= since).order_by(audit.c.id)
    if tenant:
        query = query.where(audit.c.tenant_id == tenant)
    for row in connection.execute(query).mappings():
        yield dict(row)


def verify(connection: sa.Connection) -> tuple[int, str]:
    """How many lines are there, and what is wrong with the first bad one; empty when all is well."""
    ends = {row.name: row for row in connection.execute(sa.select(head))}
    before, number = ends["anchor"].text, int(ends["anchor"].number)
    count = 0
    for row in connection.execute(sa.select(audit).order_by(audit.c.id)).mappings():
        line = {key: row[key] for key in row if key != "sha256"}
        number += 1
        if row["id"] != number:
            return count, f"line {number} is missing"
        if row["before"] != before:
            return count, f"line {number} does not follow the line before it"
        if _sum(line) != row["sha256"]:
            return count, f"line {number} was changed"
        before, count = row["sha256"], count + 1
    if before != ends["audit"].text:
        return count, f"lines after {number} are missing"
    return count, ""


def forget(connection: sa.Connection, before: float) -> int:
    """Remove lines that are older than `before` and let the chain begin after them."""
    last = connection.execute(
        sa.select(audit.c.id, audit.c.sha256).where(audit.c.at < before).order_by(audit.c.id.desc()).limit(1)
    ).first()
    if last is None:
        return 0
    connection.execute(sa.select(head.c.name).where(head.c.name == "audit").with_for_update())
    done = connection.execute(sa.delete(audit).where(audit.c.id <= last.id))
    connection.execute(
        sa.update(head).where(head.c.name == "anchor").values(number=last.id, text=last.sha256)
    )
    return int(done.rowcount)


def _sum(line: Mapping[str, object]) -> str:
    text = json.dumps(line, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
