"""each process of the service has a row of its own

Revision: 0004
Follows: 0003
"""

import sqlalchemy as sa
from alembic import op

from fleet.store.types import Instant

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "service_instance",
        sa.Column("process", sa.String(length=16), nullable=False),
        sa.Column("instance", sa.String(length=80), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column("host", sa.String(length=64), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("broker_connected", sa.Boolean(), nullable=True),
        sa.Column("lag_ms", sa.Integer(), nullable=True),
        sa.Column("problem", sa.String(length=256), nullable=True),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("process", "instance"),
    )
    op.execute("DELETE FROM service_heartbeat WHERE name <> 'round_trip'")
    with op.batch_alter_table("service_heartbeat") as batch_op:
        batch_op.drop_column("broker_connected")


def downgrade() -> None:
    # With a default: an ingest of this version, still running, goes on recording meanwhile.
    with op.batch_alter_table("service_heartbeat") as batch_op:
        batch_op.add_column(
            sa.Column("broker_connected", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    op.drop_table("service_instance")
