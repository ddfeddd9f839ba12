"""API tokens, without their secrets."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select

from fleet.store.database import db
from fleet.store.models import ApiToken, Site, Ward


class TokenRow(NamedTuple):
    id: int
    name: str
    scopes: list[str]
    role: str
    place: str
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None


def tokens() -> list[TokenRow]:
    query = select(
        ApiToken.id,
        ApiToken.name,
        ApiToken.scopes,
        ApiToken.role,
        func.coalesce(Ward.name, Site.name, "everything"),
        ApiToken.created_at,
        ApiToken.created_by,
        ApiToken.expires_at,
        ApiToken.revoked_at,
    )
    query = query.outerjoin(Site, Site.id == ApiToken.site_id)
    query = query.outerjoin(Ward, Ward.id == ApiToken.ward_id).order_by(ApiToken.id.desc())
    return [TokenRow(*row) for row in db.session.execute(query)]
