"""Floor plans of wards, zones drawn on them, and which wards are near

Revision: 0016
Follows: 0015
"""

import sqlalchemy as sa
from alembic import op

from fleet.store.types import Instant

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("zone", sa.Column("outline", sa.JSON(), nullable=True))
    op.create_table(
        "floor_plan",
        sa.Column("ward_id", sa.Integer(), nullable=False),
        sa.Column("media_type", sa.String(32), nullable=False),
        sa.Column("picture", sa.LargeBinary(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("set_at", Instant(), nullable=False),
        sa.Column("set_by", sa.String(80), nullable=False),
        sa.PrimaryKeyConstraint("ward_id"),
        sa.ForeignKeyConstraint(["ward_id"], ["ward.id"]),
    )
    op.create_table(
        "ward_neighbour",
        sa.Column("ward_id", sa.Integer(), nullable=False),
        sa.Column("neighbour_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ward_id", "neighbour_id"),
        sa.ForeignKeyConstraint(["ward_id"], ["ward.id"]),
        sa.ForeignKeyConstraint(["neighbour_id"], ["ward.id"]),
    )
    op.create_index("ix_ward_neighbour_neighbour_id", "ward_neighbour", ["neighbour_id"])


def downgrade() -> None:
    op.drop_table("ward_neighbour")
    op.drop_table("floor_plan")
    op.drop_column("zone", "outline")
