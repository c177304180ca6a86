"""A job that was given up, sent again as a new one: when its cause is gone."""

import sqlalchemy as sa

from slipcast.core.errors import BadInput
from slipcast.service.database.tables import file, job
from slipcast.service.jobs.states import State
from slipcast.service.jobs.submit import InputFile, NewJob, submit
from slipcast.service.tenants import NotThere, for_tenant


def send_again(connection: sa.Connection, id: str, *, actor: str, attempts: int) -> str:
    """The new job's id. Raises NotThere, and BadInput for one that did not fail."""
    row = connection.execute(sa.select(job).where(job.c.id == id)).mappings().first()
    if row is None:
        raise NotThere(f"there is no job {id}")
    if row["state"] != State.FAILED:
        raise BadInput(f"the job is {row['state']}; only a failed one is sent again")
    views = {each["name"]: each["view"] for each in row["order"].get("pictures", [])}
    inputs = tuple(
        InputFile(
            name=each.name,
            view=views.get(each.name, "front"),
            sha256=each.sha256,
            bytes=each.bytes,
            mime=each.mime,
        )
        for each in connection.execute(sa.select(file).where(file.c.job_id == id, file.c.role == "input"))
    )
    new = NewJob(
        kind=row["kind"],
        name=row["name"],
        order=row["order"],
        inputs=inputs,
        priority=row["priority"],
        cost_center=row["cost_center"],
        parent_id=id,
    )
    (made,) = submit(for_tenant(connection, row["tenant_id"]), [new], actor=actor, max_attempts=attempts)
    return made
