"""People, with what each of them may and where; and what one request needs to know of them."""

from collections import defaultdict
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select

from fleet.domain.access import Grant, Role
from fleet.store.database import db
from fleet.store.models import ExternalIdentity, Passkey, RoleGrant, Site, User, Ward


class GrantRow(NamedTuple):
    """`place`: the name of its site or ward, `where`: as it is asked for, like "ward:icu"."""

    id: int
    user_id: int
    role: str
    place: str
    where: str
    external: bool
    created_by: str
    created_at: datetime


class Person(NamedTuple):
    id: int
    username: str
    created_at: datetime
    disabled_at: datetime | None
    totp_since: datetime | None
    passkeys: int
    issuer: str | None
    grants: list[GrantRow]

    @property
    def is_external(self) -> bool:
        """Another proves who they are."""
        return self.issuer is not None


def grants_of(user_id: int) -> tuple[Grant, ...]:
    query = select(RoleGrant.role, RoleGrant.site_id, RoleGrant.ward_id)
    rows = db.session.execute(query.where(RoleGrant.user_id == user_id))
    return tuple(Grant(Role(role), site_id, ward_id) for role, site_id, ward_id in rows)


def people(username: str | None = None) -> list[Person]:
    """By name; only this one, where one is named."""
    issuer = select(func.min(ExternalIdentity.issuer)).where(ExternalIdentity.user_id == User.id)
    passkeys = select(func.count()).where(Passkey.user_id == User.id)
    query = select(
        User.id,
        User.username,
        User.created_at,
        User.disabled_at,
        User.totp_since,
        passkeys.scalar_subquery().label("passkeys"),
        issuer.scalar_subquery().label("issuer"),
    ).order_by(User.username)
    if username is not None:
        query = query.where(User.username == username)
    rows = db.session.execute(query).all()
    grants = _grants(None if username is None else [row[0] for row in rows])
    return [Person(**row._asdict(), grants=grants[row.id]) for row in rows]


def _grants(user_ids: list[int] | None) -> dict[int, list[GrantRow]]:
    query = (
        select(RoleGrant, Site.slug, Site.name, Ward.slug, Ward.name)
        .outerjoin(Site, Site.id == RoleGrant.site_id)
        .outerjoin(Ward, Ward.id == RoleGrant.ward_id)
        .order_by(RoleGrant.id)
    )
    if user_ids is not None:
        query = query.where(RoleGrant.user_id.in_(user_ids))
    found: dict[int, list[GrantRow]] = defaultdict(list)
    for grant, site, site_name, ward, ward_name in db.session.execute(query):
        where = f"ward:{ward}" if ward else f"site:{site}" if site else "everything"
        found[grant.user_id].append(
            GrantRow(
                grant.id,
                grant.user_id,
                grant.role,
                ward_name or site_name or "everything",
                where,
                grant.external,
                grant.created_by,
                grant.created_at,
            )
        )
    return found
