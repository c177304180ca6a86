"""Sessions of the page that can be ended, and the bytes of bought pictures, which count as stored."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table of sessions and the column of bytes; who is signed in signs in again."""
    op.create_table(
        "session",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("ends_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["key_id"], ["api_key.id"], name=op.f("fk_session_key_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_session")),
    )
    op.create_index(op.f("ix_session_key_id"), "session", ["key_id"], unique=False)
    op.add_column("purchase", sa.Column("bytes", sa.BigInteger(), server_default="0", nullable=False))


def downgrade() -> None:
    """Drop both."""
    op.drop_column("purchase", "bytes")
    op.drop_index(op.f("ix_session_key_id"), table_name="session")
    op.drop_table("session")
