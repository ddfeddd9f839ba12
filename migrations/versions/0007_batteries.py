"""what is learned of battery packs, of how long devices last, and what purchasing knows of models

Revision: 0007
Follows: 0006
"""

from datetime import timedelta

import sqlalchemy as sa
from alembic import op

from fleet.store.types import Instant

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

STUDIED_BACK = timedelta(days=30)
KEY = ("device_pk", "slot", "serial")
NAMES = {"uq": "%(table_name)s_%(column_0_N_name)s_key"}
"""As PostgreSQL names a constraint by itself; SQLite leaves it without a name."""


def upgrade() -> None:
    with op.batch_alter_table("battery_pack", naming_convention=NAMES) as pack:
        pack.add_column(
            sa.Column("generation", sa.SmallInteger(), nullable=False, server_default="0")
        )
        pack.add_column(sa.Column("bought_on", sa.Date(), nullable=True))
        pack.drop_constraint(f"battery_pack_{'_'.join(KEY)}_key", type_="unique")
        generations = f"battery_pack_{'_'.join(KEY)}_generation_key"
        pack.create_unique_constraint(generations, [*KEY, "generation"])
    op.add_column("zone", sa.Column("powered_share", sa.REAL(), nullable=True))
    op.add_column("device_state", sa.Column("unpowered_since", Instant(), nullable=True))
    _create_learned()
    op.create_table(
        "pack_model",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("chemistry", sa.String(16), nullable=True),
        sa.Column("price_cents", sa.Integer(), nullable=True),
        sa.Column("currency", sa.String(3), nullable=True),
        sa.Column("warranty_months", sa.SmallInteger(), nullable=True),
        sa.Column("warranty_cycles", sa.Integer(), nullable=True),
        sa.Column("lead_time_weeks", sa.SmallInteger(), nullable=True),
        sa.Column("threshold_pct", sa.SmallInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("model"),
    )
    _create_progress()


def _create_learned() -> None:
    op.create_table(
        "pack_state",
        sa.Column("pack_id", sa.Integer(), nullable=False),
        sa.Column("studied_since", Instant(), nullable=False),
        sa.Column("studied_to", Instant(), nullable=False),
        sa.Column("removed_at", Instant(), nullable=True),
        sa.Column("age_cycles", sa.Double(), nullable=False),
        sa.Column("cycles_a_day", sa.Double(), nullable=True),
        sa.Column("wear", sa.LargeBinary(), nullable=False),
        sa.Column("worn_at", Instant(), nullable=True),
        sa.Column("run", sa.LargeBinary(), nullable=False),
        sa.Column("swings", sa.LargeBinary(), nullable=False),
        sa.Column("rest_mv", sa.LargeBinary(), nullable=False),
        sa.Column("learned_mah", sa.Double(), nullable=True),
        sa.Column("learned_deviation_mah", sa.Double(), nullable=True),
        sa.Column("health_pct", sa.Double(), nullable=True),
        sa.Column("health_deviation_pct", sa.Double(), nullable=True),
        sa.Column("health_source", sa.String(8), nullable=True),
        sa.Column("health_reason", sa.String(128), nullable=True),
        sa.Column("threshold_pct", sa.Double(), nullable=True),
        sa.Column("falls_on", sa.Date(), nullable=True),
        sa.Column("falls_from", sa.Date(), nullable=True),
        sa.Column("falls_until", sa.Date(), nullable=True),
        sa.Column("model_known", sa.Boolean(), nullable=True),
        sa.Column("why", sa.String(256), nullable=True),
        sa.Column("forecast_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["pack_id"], ["battery_pack.id"]),
        sa.PrimaryKeyConstraint("pack_id"),
    )
    op.create_table(
        "device_endurance",
        sa.Column("device_pk", sa.Integer(), nullable=False),
        sa.Column("usable_mah", sa.Double(), nullable=True),
        sa.Column("capacity_spread", sa.REAL(), nullable=True),
        sa.Column("load_spread", sa.REAL(), nullable=True),
        sa.Column("profile", sa.LargeBinary(), nullable=False),
        sa.Column("hours_seen", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["device_pk"], ["device.id"]),
        sa.PrimaryKeyConstraint("device_pk"),
    )


def _create_progress() -> None:
    """What there is of the history is studied too, but not more than a few weeks."""
    progress = op.create_table(
        "study_progress",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("open_hour", Instant(), nullable=False),
        sa.Column("swept_to", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    bind, rollups = op.get_bind(), sa.table("rollup_progress", sa.column("open_hour", Instant))
    packs = sa.table("battery_pack", sa.column("first_seen_at", Instant))
    now = bind.scalar(sa.select(rollups.c.open_hour))
    first = bind.scalar(sa.select(sa.func.min(packs.c.first_seen_at))) or now
    begin = min(max(first, now - STUDIED_BACK), now).replace(minute=0, second=0, microsecond=0)
    op.execute(sa.insert(progress).values(id=1, open_hour=begin))


def downgrade() -> None:
    # The version before has no word for these, and nothing there would ever resolve them.
    op.execute(
        "DELETE FROM alert WHERE kind IN"
        " ('overheating', 'swelling', 'gauge_lies', 'no_power', 'dead_outlet')"
    )
    for table in ("study_progress", "pack_model", "device_endurance", "pack_state"):
        op.drop_table(table)
    op.drop_column("device_state", "unpowered_since")
    op.drop_column("zone", "powered_share")
    op.execute("DELETE FROM battery_pack WHERE serial = ''")
    with op.batch_alter_table("battery_pack", naming_convention=NAMES) as pack:
        pack.drop_constraint(f"battery_pack_{'_'.join(KEY)}_generation_key", type_="unique")
        pack.create_unique_constraint(f"battery_pack_{'_'.join(KEY)}_key", list(KEY))
        pack.drop_column("bought_on")
        pack.drop_column("generation")
