"""Devices enrol by one-time tokens, and have certificates that can be taken back."""

import sqlalchemy as sa
from alembic import op

from fleet.store.types import Instant

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "device", sa.Column("pending", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.create_table(
        "enrolment_token",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("device_pk", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("approved", sa.Boolean(), nullable=False),
        sa.Column("used_at", Instant(), nullable=True),
        sa.Column("key_sha256", sa.String(64), nullable=True),
        sa.Column("withdrawn_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["device_pk"], ["device.id"]),
        sa.UniqueConstraint("token_hash"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_enrolment_token_device_pk", "enrolment_token", ["device_pk"])
    op.create_table(
        "certificate",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("device_pk", sa.Integer(), nullable=False),
        sa.Column("token_id", sa.Integer(), nullable=True),
        sa.Column("serial", sa.String(40), nullable=False),
        sa.Column("issued_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("pem", sa.Text(), nullable=False),
        sa.Column("revoked_at", Instant(), nullable=True),
        sa.Column("dropped_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["device_pk"], ["device.id"]),
        sa.ForeignKeyConstraint(["token_id"], ["enrolment_token.id"]),
        sa.UniqueConstraint("serial"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_certificate_device_pk", "certificate", ["device_pk"])
    op.create_index("ix_certificate_token_id", "certificate", ["token_id"])
    op.create_index("ix_certificate_revoked_at", "certificate", ["revoked_at"])


def downgrade() -> None:
    op.drop_table("certificate")
    op.drop_table("enrolment_token")
    op.drop_column("device", "pending")
