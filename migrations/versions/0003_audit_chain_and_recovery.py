"""the audit becomes one hash chain; recovery drills; ids that never come again on SQLite

Revision: 0003
Follows: 0002
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from fleet.domain.audit_chain import GENESIS, link
from fleet.store.types import Instant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

AT_ONCE = 1_000
NEVER_AGAIN = ("alert", "assignment", "api_token")

entry = sa.table(
    "audit_entry",
    sa.column("id", sa.BigInteger()),
    sa.column("at", Instant()),
    sa.column("actor", sa.String()),
    sa.column("action", sa.String()),
    sa.column("subject", sa.String()),
    sa.column("before", sa.JSON()),
    sa.column("after", sa.JSON()),
    sa.column("previous_hash", sa.String()),
    sa.column("hash", sa.String()),
)


def upgrade() -> None:
    chain = op.create_table(
        "audit_chain",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("last_hash", sa.String(length=64), nullable=False),
        sa.Column("anchor_id", sa.BigInteger(), nullable=False),
        sa.Column("anchor_hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("audit_entry") as batch_op:
        batch_op.add_column(sa.Column("previous_hash", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("hash", sa.String(length=64), nullable=True))
    op.bulk_insert(chain, [{"id": 1, **_chain_existing(op.get_bind())}])
    with op.batch_alter_table("audit_entry") as batch_op:
        batch_op.alter_column("previous_hash", existing_type=sa.String(64), nullable=False)
        batch_op.alter_column("hash", existing_type=sa.String(64), nullable=False)
    if op.get_bind().dialect.name == "postgresql":
        # The chain gives the ids: what bypasses it shall find none.
        op.alter_column("audit_entry", "id", server_default=None)
        op.execute("DROP SEQUENCE audit_entry_id_seq")
    _autoincrement(True)
    op.create_table(
        "recovery_drill",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("duration_s", sa.Double(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("problem", sa.String(length=1024), nullable=True),
        sa.Column("file", sa.String(length=128), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("taken_at", Instant(), nullable=True),
        sa.Column("tables", sa.Integer(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("audit_id", sa.BigInteger(), nullable=True),
        sa.Column("audit_hash", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_recovery_drill_at", "recovery_drill", ["at"])


def _chain_existing(connection: sa.Connection) -> dict[str, Any]:
    """Link what is there, oldest first, a page at a time; returns the ends of the chain."""
    entries, last_id, last_hash = 0, 0, GENESIS
    page = sa.select(entry).where(entry.c.id > sa.bindparam("after")).order_by(entry.c.id)
    set_hashes = (
        sa.update(entry)
        .where(entry.c.id == sa.bindparam("b_id"))
        .values(previous_hash=sa.bindparam("b_previous"), hash=sa.bindparam("b_hash"))
    )
    while rows := connection.execute(page.limit(AT_ONCE), {"after": last_id}).mappings().all():
        linked = []
        for row in rows:
            previous, last_hash = last_hash, link(last_hash, row)
            linked.append({"b_id": row["id"], "b_previous": previous, "b_hash": last_hash})
        connection.execute(set_hashes, linked)
        entries, last_id = entries + len(rows), rows[-1]["id"]
    return {
        "entries": entries,
        "last_id": last_id,
        "last_hash": last_hash,
        "anchor_id": 0,
        "anchor_hash": GENESIS,
    }


def _autoincrement(on: bool) -> None:
    """PostgreSQL's sequences never go back; SQLite counts on from the last row that is there."""
    if op.get_bind().dialect.name != "sqlite":
        return
    for table in NEVER_AGAIN:
        with op.batch_alter_table(
            table, recreate="always", table_kwargs={"sqlite_autoincrement": on}
        ):
            pass


def downgrade() -> None:
    op.drop_index("ix_recovery_drill_at", "recovery_drill")
    op.drop_table("recovery_drill")
    _autoincrement(False)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE SEQUENCE audit_entry_id_seq OWNED BY audit_entry.id")
        op.execute("SELECT setval('audit_entry_id_seq', last_id + 1, false) FROM audit_chain")
        op.alter_column(
            "audit_entry", "id", server_default=sa.text("nextval('audit_entry_id_seq')")
        )
    with op.batch_alter_table("audit_entry") as batch_op:
        batch_op.drop_column("hash")
        batch_op.drop_column("previous_hash")
    op.drop_table("audit_chain")
