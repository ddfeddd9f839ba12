"""trust documents, firmware releases, and signatures of profile versions

Revision: 0011
Follows: 0010
"""

import sqlalchemy as sa
from alembic import op

from fleet.store.types import Instant

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "trust_version",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("installed_at", Instant(), nullable=False),
        sa.Column("installed_by", sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint("version"),
    )
    op.create_table(
        "firmware_release",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("manifest_id", sa.String(length=64), nullable=False),
        sa.Column("manifest_sha256", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("release_counter", sa.BigInteger(), nullable=False),
        sa.Column("hardware_ids", sa.JSON(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("issued_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("downgrade", sa.LargeBinary(), nullable=True),
        sa.Column("added_at", Instant(), nullable=False),
        sa.Column("added_by", sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("manifest_id"),
        sa.UniqueConstraint("manifest_sha256"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_firmware_release_sha256", "firmware_release", ["sha256"])
    op.add_column("profile_version", sa.Column("manifest", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.drop_column("profile_version", "manifest")
    op.drop_index("ix_firmware_release_sha256", "firmware_release")
    op.drop_table("firmware_release")
    op.drop_table("trust_version")
