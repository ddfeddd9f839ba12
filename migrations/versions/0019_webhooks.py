"""Webhooks, and what each of them has been told

Revision: 0019
Follows: 0018
"""

import sqlalchemy as sa
from alembic import op

from fleet.store.types import Instant

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

COUNTS_ON = {"sqlite_autoincrement": True}
INDEXES = (
    ("ix_webhook_delivery_state", ["state", "webhook_id", "id"]),
    ("ix_webhook_delivery_webhook", ["webhook_id", "id"]),
    ("ix_webhook_delivery_ended", ["ended_at"]),
)


def upgrade() -> None:
    op.create_table(
        "webhook",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("url", sa.String(512), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("sites", sa.JSON(), nullable=False),
        sa.Column("console", sa.String(256), nullable=False),
        sa.Column("salt", sa.String(64), nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("made_by", sa.String(80), nullable=False),
        sa.Column("removed_at", Instant(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", Instant(), nullable=True),
        sa.Column("rests_until", Instant(), nullable=True),
        **COUNTS_ON,
    )
    _deliveries()
    for name, columns in INDEXES:
        op.create_index(name, "webhook_delivery", columns)


def downgrade() -> None:
    op.drop_table("webhook_delivery")
    op.drop_table("webhook")


def _deliveries() -> None:
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "webhook_delivery",
        sa.Column("id", key, primary_key=True),
        sa.Column("webhook_id", sa.Integer(), sa.ForeignKey("webhook.id"), nullable=False),
        sa.Column("event", sa.String(24), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("alert_id", sa.Integer(), nullable=True),
        sa.Column("ticket_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(32), nullable=True),
        sa.Column("detail", sa.String(256), nullable=True),
        sa.Column("opened_at", Instant(), nullable=True),
        sa.Column("device_id", sa.String(63), nullable=True),
        sa.Column("asset_tag", sa.String(64), nullable=True),
        sa.Column("ward", sa.String(64), nullable=True),
        sa.Column("ward_name", sa.String(128), nullable=True),
        sa.Column("site", sa.String(64), nullable=True),
        sa.Column("site_name", sa.String(128), nullable=True),
        sa.Column("rollout_id", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("next_at", Instant(), nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("tried_at", Instant(), nullable=True),
        sa.Column("problem", sa.String(256), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        **COUNTS_ON,
    )
