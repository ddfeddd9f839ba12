"""the lists of packs: what they are found and ordered by

Revision: 0009
Follows: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

IN_USE = sa.text("removed_at IS NULL")
ORDERS = {"falls": "falls_on", "falls_from": "falls_from", "health": "health_pct"}


def upgrade() -> None:
    for name, column in ORDERS.items():
        op.create_index(
            f"ix_pack_state_{name}",
            "pack_state",
            [column, "pack_id"],
            sqlite_where=IN_USE,
            postgresql_where=IN_USE,
        )
    op.create_index("ix_battery_pack_model", "battery_pack", ["model"])
    op.create_index("ix_battery_pack_serial", "battery_pack", [sa.text("lower(serial)")])


def downgrade() -> None:
    op.drop_index("ix_battery_pack_serial", "battery_pack")
    op.drop_index("ix_battery_pack_model", "battery_pack")
    for name in ORDERS:
        op.drop_index(f"ix_pack_state_{name}", "pack_state")
