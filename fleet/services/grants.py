"""What people may, and where: roles are granted and revoked."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from fleet.domain.access import Role
from fleet.services import audit
from fleet.services.errors import Conflict, NotFound
from fleet.services.places_of_roles import holds, role_named
from fleet.store.database import transaction
from fleet.store.locks import Lock, take
from fleet.store.people import RoleGrant, User
from fleet.store.site import Site, Ward


def grant_role(username: str, role: str, where: str, actor: str, now: datetime) -> int:
    """The grant's id. Raises NotFound, Invalid, and Conflict where they have it already."""
    with transaction() as session:
        take(session, Lock.PEOPLE)
        user = user_named(session, username)
        before = roles_of(session, user.id)
        grant = add_grant(session, user.id, role_named(role), where, actor, now)
        _record(session, "user.grant", user, actor, now, before)
        return grant.id


def revoke_role(grant_id: int, actor: str, now: datetime) -> None:
    """Raises NotFound, and Conflict for the last administrator of everything."""
    with transaction() as session:
        take(session, Lock.PEOPLE)
        grant = session.get(RoleGrant, grant_id)
        if grant is None:
            raise NotFound(f"no grant {grant_id}")
        user = session.get_one(User, grant.user_id)
        before = roles_of(session, user.id)
        with keeping_an_administrator(session):
            session.delete(grant)
        _record(session, "user.revoke", user, actor, now, before)


def add_grant(
    session: Session,
    user_id: int,
    role: Role,
    where: str,
    actor: str,
    now: datetime,
    *,
    external: bool = False,
) -> RoleGrant:
    """Part of a transaction. Raises Invalid, Conflict."""
    site_id, ward_id = holds(session, where)
    same = select(RoleGrant.id).where(
        RoleGrant.user_id == user_id,
        RoleGrant.role == role,
        RoleGrant.site_id.is_not_distinct_from(site_id),
        RoleGrant.ward_id.is_not_distinct_from(ward_id),
    )
    if session.scalar(same) is not None:
        raise Conflict(f"they are {role} of {where} already")
    grant = RoleGrant(
        user_id=user_id,
        role=role,
        site_id=site_id,
        ward_id=ward_id,
        external=external,
        created_at=now,
        created_by=actor,
    )
    session.add(grant)
    session.flush()
    return grant


def user_named(session: Session, username: str) -> User:
    """Locked. Raises NotFound."""
    user = session.scalar(select(User).where(User.username == username).with_for_update())
    if user is None:
        raise NotFound(f"there is nobody called {username}")
    return user


def roles_of(session: Session, user_id: int) -> list[str]:
    """As the audit has them: "ward_nurse of ward:icu", in one order."""
    rows = session.execute(
        select(RoleGrant.role, Site.slug, Ward.slug)
        .outerjoin(Site, Site.id == RoleGrant.site_id)
        .outerjoin(Ward, Ward.id == RoleGrant.ward_id)
        .where(RoleGrant.user_id == user_id)
    )
    return sorted(
        f"{role} of {f'ward:{ward}' if ward else f'site:{site}' if site else 'everything'}"
        for role, site, ward in rows
    )


@contextmanager
def keeping_an_administrator(session: Session) -> Iterator[None]:
    """Raises Conflict where this change would take the last one who can let anybody in."""
    before = _administrators(session)
    yield
    session.flush()
    if before and not _administrators(session):
        raise Conflict("one administrator of everything must stay")


def _administrators(session: Session) -> int:
    query = (
        select(func.count())
        .select_from(RoleGrant)
        .join(User, User.id == RoleGrant.user_id)
        .where(
            RoleGrant.role == Role.ADMINISTRATOR,
            RoleGrant.site_id.is_(None),
            RoleGrant.ward_id.is_(None),
            User.disabled_at.is_(None),
        )
    )
    return session.scalar(query) or 0


def _record(
    session: Session, action: str, user: User, actor: str, now: datetime, before: list[str]
) -> None:
    after = {"roles": roles_of(session, user.id)}
    subject = f"user/{user.username}"
    audit.record(session, actor, action, subject, now, {"roles": before}, after)
