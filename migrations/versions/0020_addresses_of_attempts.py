"""From where a wrong password came

Revision: 0020
Follows: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "sign_in_failure",
        sa.Column("address", sa.String(64), nullable=False, server_default=""),
    )
    op.create_index("ix_sign_in_failure_address", "sign_in_failure", ["address", "at"])


def downgrade() -> None:
    op.drop_index("ix_sign_in_failure_address", "sign_in_failure")
    op.drop_column("sign_in_failure", "address")
