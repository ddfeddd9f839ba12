"""What nurses do on the ward: check-outs, fault reports, badges and screens

Revision: 0015
Follows: 0014
"""

import sqlalchemy as sa
from alembic import op

from fleet.store.types import Instant

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

OPEN = sa.text("ended_at IS NULL")
STANDING = sa.text("revoked_at IS NULL")
HELD = sa.text("hold IS NOT NULL")
COUNTS_ON = {"sqlite_autoincrement": True}


def upgrade() -> None:
    op.add_column("device_state", sa.Column("hold", sa.String(24), nullable=True))
    op.create_index("ix_device_state_hold", "device_state", ["hold"],
                    sqlite_where=HELD, postgresql_where=HELD)  # fmt: skip
    _check_outs()
    _fault_reports()
    _badges()
    _kiosks()


def downgrade() -> None:
    """Devices are what they say of themselves again."""
    for table in ("kiosk_session", "kiosk", "badge", "fault_report", "check_out"):
        op.drop_table(table)
    op.drop_index("ix_device_state_hold", "device_state")
    op.drop_column("device_state", "hold")


def _check_outs() -> None:
    op.create_table(
        "check_out",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("device_pk", sa.Integer(), nullable=False),
        sa.Column("taken_at", Instant(), nullable=False),
        sa.Column("taken_by", sa.String(80), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("ended_by", sa.String(80), nullable=True),
        sa.Column("ended_as", sa.String(16), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["device_pk"], ["device.id"]),
        **COUNTS_ON,
    )
    op.create_index("ix_check_out_device_pk", "check_out", ["device_pk"])
    op.create_index("uq_check_out_open", "check_out", ["device_pk"], unique=True,
                    sqlite_where=OPEN, postgresql_where=OPEN)  # fmt: skip
    op.create_index("ix_check_out_due", "check_out", ["due_at"],
                    sqlite_where=OPEN, postgresql_where=OPEN)  # fmt: skip


def _fault_reports() -> None:
    op.create_table(
        "fault_report",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("device_pk", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(24), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reported_at", Instant(), nullable=False),
        sa.Column("reported_by", sa.String(80), nullable=False),
        sa.Column("check_out_id", sa.Integer(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("ended_by", sa.String(80), nullable=True),
        sa.Column("note", sa.String(256), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["device_pk"], ["device.id"]),
        sa.ForeignKeyConstraint(["check_out_id"], ["check_out.id"], ondelete="SET NULL"),
        **COUNTS_ON,
    )
    op.create_index("ix_fault_report_device_pk", "fault_report", ["device_pk"])
    op.create_index("ix_fault_report_ended", "fault_report", ["ended_at"])
    op.create_index("uq_fault_report_open", "fault_report", ["device_pk"], unique=True,
                    sqlite_where=OPEN, postgresql_where=OPEN)  # fmt: skip


def _badges() -> None:
    op.create_table(
        "badge",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("pin_hash", sa.String(256), nullable=True),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("made_by", sa.String(80), nullable=False),
        sa.Column("revoked_at", Instant(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("tried_since", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"]),
        **COUNTS_ON,
    )
    op.create_index("ix_badge_user_id", "badge", ["user_id"])
    op.create_index("uq_badge_key", "badge", ["key"], unique=True,
                    sqlite_where=STANDING, postgresql_where=STANDING)  # fmt: skip


def _kiosks() -> None:
    op.create_table(
        "kiosk",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ward_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("code_hash", sa.String(64), nullable=True),
        sa.Column("code_expires_at", Instant(), nullable=True),
        sa.Column("token_hash", sa.String(64), nullable=True),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("made_by", sa.String(80), nullable=False),
        sa.Column("registered_at", Instant(), nullable=True),
        sa.Column("revoked_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code_hash"),
        sa.UniqueConstraint("token_hash"),
        sa.ForeignKeyConstraint(["ward_id"], ["ward.id"]),
        **COUNTS_ON,
    )
    op.create_index("ix_kiosk_ward_id", "kiosk", ["ward_id"])
    op.create_table(
        "kiosk_session",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("kiosk_id", sa.Integer(), nullable=False),
        sa.Column("badge_id", sa.Integer(), nullable=False),
        sa.Column("began_at", Instant(), nullable=False),
        sa.Column("pin_at", Instant(), nullable=True),
        sa.Column("idle_at", Instant(), nullable=False),
        sa.Column("ends_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("token_hash"),
        sa.ForeignKeyConstraint(["kiosk_id"], ["kiosk.id"]),
        sa.ForeignKeyConstraint(["badge_id"], ["badge.id"]),
    )
    for column in ("kiosk_id", "badge_id", "ends_at"):
        op.create_index(f"ix_kiosk_session_{column}", "kiosk_session", [column])
