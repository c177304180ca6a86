"""A job's row as clients see it: no worker, no path, no key."""

from collections.abc import Iterable, Mapping
from typing import Any


def show_job(row: Mapping[str, Any], files: Iterable[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """JSON-ready; files without links, which the API adds."""
    return {
        "id": row["id"],
        "kind": row["kind"],
        "name": row["name"],
        "state": row["state"],
        "stage": row["stage"],
        "progress": row["progress"],
        "priority": row["priority"],
        "cost_center": row["cost_center"],
        "variant": row["variant"],
        "attempt": row["attempt"],
        "batch_id": row["batch_id"],
        "parent_id": row["parent_id"],
        "created_at": row["created_at"],
        "started_at": row["started_at"],
        "finished_at": row["finished_at"],
        "error": row["error"],
        "result": row["result"],
        "files": [show_file(each) for each in files],
    }


def show_file(row: Mapping[str, Any]) -> dict[str, Any]:
    """JSON-ready, without links."""
    return {
        "name": row["name"],
        "role": row["role"],
        "bytes": row["bytes"],
        "mime": row["mime"],
        "sha256": row["sha256"],
    }
