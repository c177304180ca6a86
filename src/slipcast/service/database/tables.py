"""Every table of the service, for SQLAlchemy Core.

Times are seconds since 1970 in UTC, money is in millionths of a US dollar (whole numbers, so that sums are exact),
ids are texts that sort by their time of creation. What belongs to a tenant says so in `tenant_id`.
"""

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_ID = sa.String(64)
_TIME: sa.Double[float] = sa.Double()
_MICRO = sa.BigInteger()
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _tenant(*, index: bool = False, primary_key: bool = False) -> sa.Column[str]:
    return sa.Column(
        "tenant_id",
        _ID,
        sa.ForeignKey("tenant.id", ondelete="CASCADE"),
        nullable=False,
        index=index or None,
        primary_key=primary_key,
    )


tenant = sa.Table(
    "tenant",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("name", sa.String(100), nullable=False, unique=True),
    sa.Column("created_at", _TIME, nullable=False),
    sa.Column("active", sa.Boolean(), nullable=False, server_default=sa.true()),
    sa.Column("weight", sa.Integer(), nullable=False, server_default="1"),
    sa.Column("max_running", sa.Integer(), nullable=False, server_default="4"),
    sa.Column("max_queued", sa.Integer(), nullable=False, server_default="10000"),
    sa.Column("jobs_per_day", sa.Integer(), nullable=False, server_default="10000"),
    sa.Column("requests_per_minute", sa.Integer(), nullable=False, server_default="1200"),
    sa.Column("day_micro", _MICRO, nullable=False, server_default="0"),
    sa.Column("month_micro", _MICRO, nullable=False, server_default="0"),
    sa.Column("storage_bytes", sa.BigInteger(), nullable=False, server_default=str(20 * 2**30)),
    sa.Column("retention_days", sa.Integer(), nullable=False, server_default="30"),
    sa.Column("region", sa.String(40), nullable=False, server_default=""),
    sa.Column("canary_share", sa.Double(), nullable=False, server_default="0"),
    sa.Column("canary", sa.JSON(), nullable=False, server_default="{}"),
    sa.Column("finish_tag", sa.Double(), nullable=False, server_default="0"),
)
"""`finish_tag` is the fair queue's: see jobs/queue.py. A limit of money of 0 lets nothing be bought."""

api_key = sa.Table(
    "api_key",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    _tenant(index=True),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("prefix", sa.String(20), nullable=False, unique=True),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("scopes", sa.String(200), nullable=False),
    sa.Column("created_at", _TIME, nullable=False),
    sa.Column("expires_at", _TIME),
    sa.Column("revoked_at", _TIME),
    sa.Column("last_used_at", _TIME),
)

session = sa.Table(
    "session",
    metadata,
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("key_id", _ID, sa.ForeignKey("api_key.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("created_at", _TIME, nullable=False),
    sa.Column("ends_at", _TIME, nullable=False),
)
"""Who is signed in on the page: see sessions.py."""

job = sa.Table(
    "job",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    _tenant(),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("order", sa.JSON(), nullable=False),
    sa.Column("parent_id", _ID),
    sa.Column("batch_id", _ID),
    sa.Column("cost_center", sa.String(60), nullable=False, server_default=""),
    sa.Column("priority", sa.Integer(), nullable=False, server_default="0"),
    sa.Column("variant", sa.String(20), nullable=False, server_default="stable"),
    sa.Column("attempt", sa.Integer(), nullable=False, server_default="0"),
    sa.Column("max_attempts", sa.Integer(), nullable=False, server_default="3"),
    sa.Column("worker", _ID),
    sa.Column("beat", sa.Integer(), nullable=False, server_default="0"),
    sa.Column("cancel_requested", sa.Boolean(), nullable=False, server_default=sa.false()),
    sa.Column("poison", sa.Boolean(), nullable=False, server_default=sa.false()),
    sa.Column("not_before", _TIME, nullable=False, server_default="0"),
    sa.Column("created_at", _TIME, nullable=False),
    sa.Column("started_at", _TIME),
    sa.Column("finished_at", _TIME),
    sa.Column("stage", sa.String(20), nullable=False, server_default=""),
    sa.Column("progress", sa.Integer(), nullable=False, server_default="0"),
    sa.Column("seq", sa.Integer(), nullable=False, server_default="0"),
    sa.Column("error", sa.JSON()),
    sa.Column("result", sa.JSON()),
    sa.Column("reserved_micro", _MICRO, nullable=False, server_default="0"),
    sa.Column("request_id", sa.String(64), nullable=False, server_default=""),
    sa.Column("trace", sa.String(100), nullable=False, server_default=""),
    sa.Index("ix_job_line", "state", "tenant_id", "priority", "id"),
    sa.Index("ix_job_tenant", "tenant_id", "id"),
    sa.Index("ix_job_created", "tenant_id", "created_at"),
    sa.Index("ix_job_batch", "batch_id"),
)
"""One row is the job itself: what the API shows and what the workers claim from."""

job_event = sa.Table(
    "job_event",
    metadata,
    sa.Column("job_id", _ID, sa.ForeignKey("job.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("seq", sa.Integer(), primary_key=True),
    sa.Column("at", _TIME, nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("data", sa.JSON(), nullable=False),
)

file = sa.Table(
    "file",
    metadata,
    sa.Column("job_id", _ID, sa.ForeignKey("job.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("role", sa.String(10), primary_key=True),
    sa.Column("name", sa.String(200), primary_key=True),
    _tenant(),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("bytes", sa.BigInteger(), nullable=False),
    sa.Column("mime", sa.String(80), nullable=False),
    sa.Column("created_at", _TIME, nullable=False),
    sa.Index("ix_file_content", "tenant_id", "sha256"),
)
"""`role` is `input` or `output`; the content lies in the store under the tenant and its sha256."""

purchase = sa.Table(
    "purchase",
    metadata,
    _tenant(primary_key=True),
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("mime", sa.String(40), nullable=False),
    sa.Column("bytes", sa.BigInteger(), nullable=False, server_default="0"),
    sa.Column("facts", sa.JSON(), nullable=False),
    sa.Column("at", _TIME, nullable=False),
    sa.Index("ix_purchase_content", "tenant_id", "sha256"),
)
"""Pictures that were paid for: a job that is worked on again takes them from here."""

ledger = sa.Table(
    "ledger",
    metadata,
    sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
    sa.Column("at", _TIME, nullable=False),
    sa.Column("tenant_id", _ID, nullable=False),
    sa.Column("job_id", _ID, nullable=False),
    sa.Column("cost_center", sa.String(60), nullable=False),
    sa.Column("what", sa.String(60), nullable=False),
    sa.Column("micro", _MICRO, nullable=False),
    sa.Column("sure", sa.Boolean(), nullable=False),
    sa.Column("detail", sa.JSON(), nullable=False),
    sa.Column("once", sa.String(128), nullable=False, unique=True),
    sa.Index("ix_ledger_time", "tenant_id", "at"),
)
"""What was spent; `once` names the purchase, so that none is booked twice. It outlives job and tenant."""

idempotency = sa.Table(
    "idempotency",
    metadata,
    _tenant(primary_key=True),
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("body_sha256", sa.String(64), nullable=False),
    sa.Column("answer", sa.JSON(), nullable=False),
    sa.Column("created_at", _TIME, nullable=False),
)

webhook = sa.Table(
    "webhook",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    _tenant(index=True),
    sa.Column("url", sa.String(2000), nullable=False),
    sa.Column("secret", sa.String(100), nullable=False),
    sa.Column("created_at", _TIME, nullable=False),
    sa.Column("disabled_at", _TIME),
    sa.Column("reason", sa.String(200), nullable=False, server_default=""),
)

delivery = sa.Table(
    "delivery",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    _tenant(index=True),
    sa.Column("webhook_id", _ID, sa.ForeignKey("webhook.id", ondelete="CASCADE"), nullable=False),
    sa.Column("event", sa.String(40), nullable=False),
    sa.Column("payload", sa.JSON(), nullable=False),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("attempt", sa.Integer(), nullable=False, server_default="0"),
    sa.Column("next_at", _TIME, nullable=False),
    sa.Column("created_at", _TIME, nullable=False),
    sa.Column("last_error", sa.String(300), nullable=False, server_default=""),
    sa.Index("ix_delivery_due", "state", "next_at"),
)
"""The outbox of webhooks: written in the transaction of what it tells."""

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", _NUMBER, primary_key=True, autoincrement=False),
    sa.Column("at", _TIME, nullable=False),
    sa.Column("tenant_id", _ID, nullable=False),
    sa.Column("actor", sa.String(100), nullable=False),
    sa.Column("action", sa.String(40), nullable=False),
    sa.Column("target", sa.String(100), nullable=False),
    sa.Column("detail", sa.JSON(), nullable=False),
    sa.Column("before", sa.String(64), nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Index("ix_audit_tenant", "tenant_id", "id"),
)

head = sa.Table(
    "head",
    metadata,
    sa.Column("name", sa.String(20), primary_key=True),
    sa.Column("number", sa.Double(), nullable=False, server_default="0"),
    sa.Column("text", sa.String(200), nullable=False, server_default=""),
)
"""Rows that processes lock for a moment: `queue` (the fair queue's clock), `audit` and `anchor` (ends of the chain),
`secret` (what links are signed with)."""

worker = sa.Table(
    "worker",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("host", sa.String(100), nullable=False),
    sa.Column("pid", sa.Integer(), nullable=False),
    sa.Column("version", sa.String(40), nullable=False),
    sa.Column("started_at", _TIME, nullable=False),
    sa.Column("seen_at", _TIME, nullable=False),
    sa.Column("draining", sa.Boolean(), nullable=False, server_default=sa.false()),
)

alert = sa.Table(
    "alert",
    metadata,
    _tenant(primary_key=True),
    sa.Column("period", sa.String(20), primary_key=True),
    sa.Column("at", _TIME, nullable=False),
)
"""That a tenant was told that 80 % of a period's money is spent: once a period."""

rate = sa.Table(
    "rate",
    metadata,
    sa.Column("name", sa.String(120), primary_key=True),
    sa.Column("minute", sa.BigInteger(), nullable=False),
    sa.Column("taken", sa.Integer(), nullable=False),
)
"""How many requests of `minute` (since 1970) a key or an address has had: see api/limits.py."""
