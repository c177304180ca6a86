"""How often each key asked in this minute: one count for all API processes."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table of the minutes' counts."""
    op.create_table(
        "rate",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("minute", sa.BigInteger(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_rate")),
    )


def downgrade() -> None:
    """Drop the table: each process counts anew."""
    op.drop_table("rate")
