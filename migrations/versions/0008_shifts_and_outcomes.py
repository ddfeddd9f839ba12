"""When shifts start, how long each cart is promised to last, and what became of each call

Revision: 0008
Follows: 0007
"""

import sqlalchemy as sa
from alembic import op

from fleet.store.types import Instant

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

COLUMNS = (
    # With a default: a process of before, still running, goes on entering sites meanwhile.
    ("site", "shift_starts", sa.JSON(), {"nullable": False,
                                         "server_default": '["07:00", "15:00", "23:00"]'}),
    ("ward", "shift_starts", sa.JSON(), {}),
    ("device_state", "promised_min", sa.Integer(), {}),
    ("device_state", "empty_min", sa.Integer(), {}),
    ("device_state", "short_since", Instant(), {}),
    ("alert", "escalated_at", Instant(), {}),
    ("alert", "outcome", sa.String(length=16), {}),
    ("alert", "was_right", sa.Boolean(), {}),
)  # fmt: skip


def upgrade() -> None:
    """Each column is one entry in the catalogue, however many rows there are."""
    for table, name, kind, options in COLUMNS:
        op.add_column(table, sa.Column(name, kind, **options))
    has_ended = sa.text("outcome IS NOT NULL")
    op.create_index(
        "ix_alert_outcome",
        "alert",
        ["opened_at", "was_right"],
        postgresql_where=has_ended,
        sqlite_where=has_ended,
    )


def downgrade() -> None:
    """Without copying any table, so that SQLite goes on counting the ids of alerts."""
    op.drop_index("ix_alert_outcome", "alert")
    for table, name, _, _ in reversed(COLUMNS):
        op.drop_column(table, name)
