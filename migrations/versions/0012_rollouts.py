"""Rollouts in rings, what wards need meanwhile, and commands to single devices

Revision: 0012
Follows: 0011
"""

import sqlalchemy as sa
from alembic import op

from fleet.store.types import Instant

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

AT_WORK = sa.text(
    "state IN ('downloading', 'installing', 'offered', 'rebooting', 'verified', 'waiting')"
)
WARD = (
    ("maintenance_windows", sa.JSON(), {"nullable": False, "server_default": "[]"}),
    ("min_available", sa.Integer(), {"nullable": False, "server_default": "1"}),
)
LATE = sa.text("state IN ('missed', 'timed_out')")
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    for name, kind, options in WARD:
        op.add_column("ward", sa.Column(name, kind, **options))
    command_id = sa.Column("command_id", sa.Integer(), nullable=True)
    op.add_column("outbox_message", command_id)
    _rollouts()
    _devices()
    _pins()
    _switch_and_commands()


def downgrade() -> None:
    for table in ("device_command", "blackout", "profile_pin", "firmware_job", "rollout_device",
                  "rollout_ring", "rollout"):  # fmt: skip
        op.drop_table(table)
    op.drop_column("outbox_message", "command_id")
    for name, _, _ in reversed(WARD):
        op.drop_column("ward", name)


def _rollouts() -> None:
    op.create_table(
        "rollout",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("target", sa.String(16), nullable=False),
        sa.Column("target_slug", sa.String(64), nullable=False),
        sa.Column("target_version", sa.String(64), nullable=False),
        sa.Column("former_version", sa.String(64), nullable=True),
        sa.Column("scope", sa.String(16), nullable=False),
        sa.Column("scope_key", sa.String(64), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(256), nullable=True),
        sa.Column("reverts_id", sa.Integer(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("created_by", sa.String(80), nullable=False),
        sa.Column("started_at", Instant(), nullable=True),
        sa.Column("approved_by", sa.String(80), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["reverts_id"], ["rollout.id"]),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_rollout_state", "rollout", ["state"])
    op.create_table(
        "rollout_ring",
        sa.Column("rollout_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("opened_at", Instant(), nullable=True),
        sa.Column("passed_at", Instant(), nullable=True),
        sa.Column("forgiven", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("rollout_id", "number"),
        sa.ForeignKeyConstraint(["rollout_id"], ["rollout.id"]),
    )


def _devices() -> None:
    op.create_table(
        "rollout_device",
        sa.Column("id", BIG, nullable=False),
        sa.Column("rollout_id", sa.Integer(), nullable=False),
        sa.Column("device_pk", sa.Integer(), nullable=False),
        sa.Column("ward_id", sa.Integer(), nullable=False),
        sa.Column("ring", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(256), nullable=True),
        sa.Column("generation", sa.BigInteger(), nullable=True),
        sa.Column("offered_at", Instant(), nullable=True),
        sa.Column("deadline", Instant(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["rollout_id"], ["rollout.id"]),
        sa.ForeignKeyConstraint(["device_pk"], ["device.id"]),
        sa.ForeignKeyConstraint(["ward_id"], ["ward.id"]),
    )
    op.create_index("ix_rollout_device_ring", "rollout_device", ["rollout_id", "ring", "state"])
    op.create_index("ix_rollout_device_device", "rollout_device", ["device_pk"])
    op.create_index(
        "uq_rollout_device_at_work",
        "rollout_device",
        ["device_pk"],
        unique=True,
        sqlite_where=AT_WORK,
        postgresql_where=AT_WORK,
    )
    op.create_index(
        "ix_rollout_device_late",
        "rollout_device",
        ["rollout_id"],
        sqlite_where=LATE,
        postgresql_where=LATE,
    )
    op.create_table(
        "firmware_job",
        sa.Column("rollout_device_id", BIG, autoincrement=False, nullable=False),
        sa.Column("device_pk", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("said_at", Instant(), nullable=False),
        sa.Column("boot", sa.BigInteger(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(16), nullable=True),
        sa.Column("reason", sa.String(256), nullable=True),
        sa.Column("firmware", sa.String(64), nullable=True),
        sa.Column("progress_pct", sa.SmallInteger(), nullable=True),
        sa.Column("changed_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("rollout_device_id"),
        sa.ForeignKeyConstraint(["rollout_device_id"], ["rollout_device.id"]),
        sa.ForeignKeyConstraint(["device_pk"], ["device.id"]),
    )
    op.create_index("ix_firmware_job_device_pk", "firmware_job", ["device_pk"])
    op.create_index("ix_firmware_job_job_id", "firmware_job", ["job_id"])


def _pins() -> None:
    op.create_table(
        "profile_pin",
        sa.Column("device_pk", sa.Integer(), nullable=False),
        sa.Column("profile_id", sa.Integer(), nullable=False),
        sa.Column("scope", sa.String(16), nullable=False),
        sa.Column("scope_key", sa.String(64), nullable=False),
        sa.Column("profile_version_id", sa.Integer(), nullable=True),
        sa.Column("rollout_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("device_pk"),
        sa.ForeignKeyConstraint(["device_pk"], ["device.id"]),
        sa.ForeignKeyConstraint(["profile_id"], ["profile.id"]),
        sa.ForeignKeyConstraint(["profile_version_id"], ["profile_version.id"]),
        sa.ForeignKeyConstraint(["rollout_id"], ["rollout.id"]),
    )
    op.create_index("ix_profile_pin_assigned", "profile_pin", ["profile_id", "scope", "scope_key"])
    op.create_index("ix_profile_pin_rollout", "profile_pin", ["rollout_id"])


def _switch_and_commands() -> None:
    op.create_table(
        "blackout",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(256), nullable=False),
        sa.Column("began_at", Instant(), nullable=False),
        sa.Column("began_by", sa.String(80), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("ended_by", sa.String(80), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "device_command",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("device_pk", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("detail", sa.String(256), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("created_by", sa.String(80), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("published_at", Instant(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["device_pk"], ["device.id"]),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_device_command_device", "device_command", ["device_pk", "id"])
    op.create_index("ix_device_command_state", "device_command", ["state", "expires_at"])
