"""Long work, saved filters, the counted fleet, and what audit and certificates are searched by

Revision: 0017
Follows: 0016
"""

import sqlalchemy as sa
from alembic import op

from fleet.store.types import Instant

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

COUNTS_ON = {"sqlite_autoincrement": True}
INDEXES = (
    ("ix_audit_entry_actor", "audit_entry", ["actor", "id"]),
    ("ix_audit_entry_action", "audit_entry", ["action", "id"]),
    ("ix_certificate_expires_at", "certificate", ["expires_at"]),
)


def upgrade() -> None:
    """Indexes of tables that may be long come first, each again from its beginning: what was begun
    before stands by then, and nobody who writes waits for them."""
    _index_while_written()
    _tasks()
    op.create_table(
        "saved_filter",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("user_id", sa.Integer(), sa.ForeignKey("user_account.id"), nullable=False),
        sa.Column("page", sa.String(32), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("query", sa.String(1024), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.UniqueConstraint("user_id", "page", "name"),
        **COUNTS_ON,
    )
    op.create_table(
        "fleet_count",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
    )


def downgrade() -> None:
    for name, table, _ in INDEXES:
        op.drop_index(name, table)
    for table in ("fleet_count", "saved_filter", "task_step", "task"):
        op.drop_table(table)


def _index_while_written() -> None:
    """PostgreSQL does so outside of a transaction alone; SQLite has one writer anyhow."""
    bind = op.get_bind()
    if bind.dialect.name == "sqlite":
        for name, table, columns in INDEXES:
            op.create_index(name, table, columns)
        return
    bind.commit()
    driver = bind.connection.driver_connection
    assert driver is not None
    driver.autocommit = True
    try:
        for name, table, columns in INDEXES:
            driver.execute(f"DROP INDEX IF EXISTS {name}")
            driver.execute(f"CREATE INDEX CONCURRENTLY {name} ON {table} ({', '.join(columns)})")
    finally:
        driver.autocommit = False


def _tasks() -> None:
    op.create_table(
        "task",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("wanted", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("created_by", sa.String(80), nullable=False),
        sa.Column("started_at", Instant(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("ended_by", sa.String(80), nullable=True),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        **COUNTS_ON,
    )
    op.create_index("ix_task_state", "task", ["state", "id"])
    op.create_table(
        "task_step",
        sa.Column(
            "task_id",
            sa.Integer(),
            sa.ForeignKey("task.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("place", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("subject", sa.String(128), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("words", sa.String(512), nullable=True),
        sa.Column("content", sa.JSON(), nullable=False),
    )
    op.create_index("ix_task_step_state", "task_step", ["task_id", "state", "place"])
