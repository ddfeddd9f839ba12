"""silence and outages: deadlines that no report moves, and alerts of wards and sites

Revision: 0005
Follows: 0004
"""

import sqlalchemy as sa
from alembic import op

from fleet.store.types import Instant

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

STANDING = sa.text("state <> 'resolved'")
ONE_SUBJECT = (
    "CASE WHEN device_pk IS NULL THEN 0 ELSE 1 END + CASE WHEN ward_id IS NULL THEN 0 ELSE 1 END"
    " + CASE WHEN site_id IS NULL THEN 0 ELSE 1 END = 1"
)

COUNTS_ON = {"sqlite_autoincrement": True}
"""Of its own, SQLite forgets that when it copies a table."""


def upgrade() -> None:
    with op.batch_alter_table("alert", table_kwargs=COUNTS_ON) as alert:
        alert.alter_column("device_pk", existing_type=sa.Integer(), nullable=True)
        alert.add_column(sa.Column("ward_id", sa.Integer(), nullable=True))
        alert.add_column(sa.Column("site_id", sa.Integer(), nullable=True))
        alert.create_foreign_key("alert_ward_id_fkey", "ward", ["ward_id"], ["id"])
        alert.create_foreign_key("alert_site_id_fkey", "site", ["site_id"], ["id"])
        alert.create_check_constraint("ck_alert_one_subject", ONE_SUBJECT)
    for subject in ("ward", "site"):
        op.create_index(
            f"uq_alert_standing_{subject}",
            "alert",
            [f"{subject}_id", "kind"],
            unique=True,
            sqlite_where=STANDING,
            postgresql_where=STANDING,
        )
    op.create_table(
        "outage",
        sa.Column("alert_id", sa.Integer(), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("devices", sa.Integer(), nullable=False),
        sa.Column("fell", sa.Integer(), nullable=False),
        sa.Column("silent", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("alert_id"),
    )
    _add_deadlines()


def _add_deadlines() -> None:
    """`check_after` begins in the past: the first sweep looks at every device, and moves it on."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    op.drop_index("ix_device_state_online_offline_after", "device_state")
    with op.batch_alter_table("device_state") as state:
        never = sa.text("0" if is_sqlite else "'1970-01-01 00:00:00+00'")
        state.add_column(sa.Column("check_after", Instant(), nullable=False, server_default=never))
        state.add_column(sa.Column("alert_after", Instant(), nullable=True))
        state.add_column(sa.Column("outage_id", sa.Integer(), nullable=True))
        state.create_foreign_key(
            "device_state_outage_id_fkey", "outage", ["outage_id"], ["alert_id"]
        )
    if not is_sqlite:
        op.execute("ALTER TABLE device_state SET (fillfactor = 70)")
    _create_partial_index("ix_device_state_check", "check_after", "online", "online = 1")
    for name, column in (("alert", "alert_after"), ("outage", "outage_id")):
        _create_partial_index(f"ix_device_state_{name}", column, f"{column} IS NOT NULL")


def _create_partial_index(name: str, column: str, where: str, sqlite: str | None = None) -> None:
    op.create_index(
        name,
        "device_state",
        [column],
        postgresql_where=sa.text(where),
        sqlite_where=sa.text(sqlite or where),
    )


def downgrade() -> None:
    """Alerts of wards and sites go: the schema before has no place for them."""
    for name in ("check", "alert", "outage"):
        op.drop_index(f"ix_device_state_{name}", "device_state")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("ALTER TABLE device_state RESET (fillfactor)")
    with op.batch_alter_table("device_state") as state:
        state.drop_constraint("device_state_outage_id_fkey", type_="foreignkey")
        state.drop_column("outage_id")
        state.drop_column("alert_after")
        state.drop_column("check_after")
    op.create_index(
        "ix_device_state_online_offline_after", "device_state", ["online", "offline_after"]
    )
    op.drop_table("outage")
    for subject in ("ward", "site"):
        op.drop_index(f"uq_alert_standing_{subject}", "alert")
    op.execute("DELETE FROM alert WHERE device_pk IS NULL")
    with op.batch_alter_table("alert", table_kwargs=COUNTS_ON) as alert:
        alert.drop_constraint("ck_alert_one_subject", type_="check")
        alert.drop_constraint("alert_ward_id_fkey", type_="foreignkey")
        alert.drop_constraint("alert_site_id_fkey", type_="foreignkey")
        alert.drop_column("ward_id")
        alert.drop_column("site_id")
        alert.alter_column("device_pk", existing_type=sa.Integer(), nullable=False)
