"""Alerts of rollouts

Revision: 0013
Follows: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

STANDING = sa.text("state <> 'resolved'")
PLACES = ("device_pk", "ward_id", "site_id")
INDEX = "uq_alert_standing_rollout"

COUNTS_ON = {"sqlite_autoincrement": True}
"""Of its own, SQLite forgets that when it copies a table."""


def upgrade() -> None:
    _set_outages_aside()
    with op.batch_alter_table("alert", table_kwargs=COUNTS_ON) as alert:
        alert.add_column(sa.Column("rollout_id", sa.Integer(), nullable=True))
        alert.create_foreign_key(
            "alert_rollout_id_fkey", "rollout", ["rollout_id"], ["id"], ondelete="CASCADE"
        )
        alert.drop_constraint("ck_alert_one_subject", type_="check")
        alert.create_check_constraint("ck_alert_one_subject", _one_of(*PLACES, "rollout_id"))
    op.create_index(
        INDEX,
        "alert",
        ["rollout_id", "kind"],
        unique=True,
        sqlite_where=STANDING,
        postgresql_where=STANDING,
    )
    _put_outages_back()


def downgrade() -> None:
    """Alerts of rollouts go: the schema before has no place for them."""
    op.drop_index(INDEX, "alert")
    op.execute("DELETE FROM alert WHERE rollout_id IS NOT NULL")
    _set_outages_aside()
    with op.batch_alter_table("alert", table_kwargs=COUNTS_ON) as alert:
        alert.drop_constraint("ck_alert_one_subject", type_="check")
        alert.drop_constraint("alert_rollout_id_fkey", type_="foreignkey")
        alert.drop_column("rollout_id")
        alert.create_check_constraint("ck_alert_one_subject", _one_of(*PLACES))
    _put_outages_back()


def _one_of(*subjects: str) -> str:
    return " + ".join(f"CASE WHEN {name} IS NULL THEN 0 ELSE 1 END" for name in subjects) + " = 1"


def _set_outages_aside() -> None:
    """SQLite copies the table and drops the old one: outages would go with the alerts in it."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("CREATE TEMP TABLE kept_outage AS SELECT * FROM outage")
        op.execute(
            "CREATE TEMP TABLE kept_member AS SELECT device_pk, outage_id FROM device_state"
            " WHERE outage_id IS NOT NULL"
        )
        op.execute("UPDATE device_state SET outage_id = NULL WHERE outage_id IS NOT NULL")
        op.execute("DELETE FROM outage")
        op.execute(
            "CREATE TEMP TABLE kept_count AS SELECT * FROM sqlite_sequence WHERE name = 'alert'"
        )


def _put_outages_back() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("INSERT INTO outage SELECT * FROM kept_outage")
        op.execute(
            "UPDATE device_state SET outage_id = kept_member.outage_id FROM kept_member"
            " WHERE kept_member.device_pk = device_state.device_pk"
        )
        # And where the ids of alerts have come to: none is given twice.
        op.execute("DELETE FROM sqlite_sequence WHERE name = 'alert'")
        op.execute("INSERT INTO sqlite_sequence SELECT * FROM kept_count")
        op.execute("DROP TABLE kept_count")
        op.execute("DROP TABLE kept_outage")
        op.execute("DROP TABLE kept_member")
