"""One of several schedulers leads; long jobs are done once for each of their turns."""

import sqlalchemy as sa
from alembic import op

from fleet.store.types import Instant

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lease",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("holder", sa.String(80), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sa.UniqueConstraint("name", "epoch"),
    )
    op.create_table(
        "job_run",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("began_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def downgrade() -> None:
    op.drop_table("job_run")
    op.drop_table("lease")
