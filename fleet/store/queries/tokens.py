"""API tokens, without their secrets."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select

from fleet.store.database import db
from fleet.store.models import ApiToken


class TokenRow(NamedTuple):
    id: int
    name: str
    scopes: list[str]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None


def tokens() -> list[TokenRow]:
    query = select(
        ApiToken.id,
        ApiToken.name,
        ApiToken.scopes,
        ApiToken.created_at,
        ApiToken.created_by,
        ApiToken.expires_at,
        ApiToken.revoked_at,
    ).order_by(ApiToken.id.desc())
    return [TokenRow(*row) for row in db.session.execute(query)]
