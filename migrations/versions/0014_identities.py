"""Roles and where they hold; second factors; people of single sign-on

Revision: 0014
Follows: 0013
"""

import sqlalchemy as sa
from alembic import op

from fleet.store.types import Instant

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

ONE_PLACE = "site_id IS NULL OR ward_id IS NULL"
COUNTS_ON = {"sqlite_autoincrement": True}
"""Of its own, SQLite forgets that when it copies a table."""


def upgrade() -> None:
    """Whoever is there could do everything, and so they can still; but not who is disabled."""
    _make_tables()
    for column in (
        sa.Column("totp_secret", sa.String(64), nullable=True),
        sa.Column("totp_since", Instant(), nullable=True),
        sa.Column("totp_step", sa.BigInteger(), nullable=True),
    ):
        op.add_column("user_account", column)
    op.add_column("login_session", sa.Column("seen_at", Instant(), nullable=True))
    op.add_column(
        "login_session",
        sa.Column("waits_for_code", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    with op.batch_alter_table("api_token", table_kwargs=COUNTS_ON) as token:
        token.add_column(
            sa.Column("role", sa.String(32), nullable=False, server_default="administrator")
        )
        for place in ("site", "ward"):
            token.add_column(sa.Column(f"{place}_id", sa.Integer(), nullable=True))
            token.create_foreign_key(f"api_token_{place}_id_fkey", place, [f"{place}_id"], ["id"])
        token.create_check_constraint("ck_api_token_place", ONE_PLACE)
    with op.batch_alter_table("api_token", table_kwargs=COUNTS_ON) as token:
        token.alter_column("role", existing_type=sa.String(32), server_default=None)
    op.execute(
        "INSERT INTO role_grant (user_id, role, external, created_at, created_by)"
        " SELECT id, 'administrator', false, created_at, 'migration' FROM user_account"
        " WHERE disabled_at IS NULL"
    )


def downgrade() -> None:
    """Second factors, roles and people of single sign-on go. Those who were not administrators of
    everything are disabled: the schema before would let each of them do everything.
    """
    op.execute(
        "UPDATE user_account SET disabled_at = created_at WHERE disabled_at IS NULL"
        " AND id NOT IN (SELECT user_id FROM role_grant WHERE role = 'administrator'"
        " AND site_id IS NULL AND ward_id IS NULL)"
    )
    op.execute(
        "UPDATE api_token SET revoked_at = created_at WHERE revoked_at IS NULL"
        " AND (role <> 'administrator' OR site_id IS NOT NULL OR ward_id IS NOT NULL)"
    )
    op.execute("DELETE FROM login_session")
    with op.batch_alter_table("api_token", table_kwargs=COUNTS_ON) as token:
        token.drop_constraint("ck_api_token_place", type_="check")
        for place in ("site", "ward"):
            token.drop_constraint(f"api_token_{place}_id_fkey", type_="foreignkey")
            token.drop_column(f"{place}_id")
        token.drop_column("role")
    for table, column in (
        ("login_session", "waits_for_code"),
        ("login_session", "seen_at"),
        ("user_account", "totp_step"),
        ("user_account", "totp_since"),
        ("user_account", "totp_secret"),
    ):
        op.drop_column(table, column)
    for name in ("external_identity", "recovery_code", "role_grant"):
        op.drop_table(name)


def _make_tables() -> None:
    op.create_table(
        "role_grant",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=True),
        sa.Column("ward_id", sa.Integer(), nullable=True),
        sa.Column("external", sa.Boolean(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("created_by", sa.String(80), nullable=False),
        sa.CheckConstraint(ONE_PLACE, "ck_role_grant_place"),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"]),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"]),
        sa.ForeignKeyConstraint(["ward_id"], ["ward.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_role_grant_user_id", "role_grant", ["user_id"])
    once = ["user_id", "role", sa.text("coalesce(site_id, 0)"), sa.text("coalesce(ward_id, 0)")]
    op.create_index("uq_role_grant", "role_grant", once, unique=True)
    op.create_table(
        "recovery_code",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"]),
        sa.PrimaryKeyConstraint("user_id", "code_hash"),
    )
    op.create_table(
        "external_identity",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("issuer", sa.String(256), nullable=False),
        sa.Column("subject", sa.String(256), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("issuer", "subject"),
    )
    op.create_index("ix_external_identity_user_id", "external_identity", ["user_id"])
