"""Somebody whom an OpenID provider vouches for signs in; they may what its claims are mapped to."""

import logging
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.domain.access import Role
from fleet.services import audit
from fleet.services.errors import Conflict, Invalid, Unauthorized
from fleet.services.grants import add_grant, roles_of
from fleet.services.places_of_roles import holds
from fleet.services.sign_in import begin_session
from fleet.store.database import transaction
from fleet.store.locks import Lock, take
from fleet.store.people import ExternalIdentity, RoleGrant, User

log = logging.getLogger(__name__)

NO_PASSWORD = ""
"""Of people whom another vouches for: no password matches it."""


NO_ROLE = "no role here is given to you; ask whoever manages Wardfleet"


@dataclass(frozen=True, slots=True)
class Vouched:
    """Who it is: issuer and subject, and nothing else. `called`: what to call somebody new."""

    issuer: str
    subject: str
    called: str


def sign_in_external(who: Vouched, roles: Collection[tuple[Role, str]], now: datetime) -> str:
    """A new session's token. The roles that the provider gave before and gives no more, end, also
    where none is left.

    Raises Unauthorized for who is disabled here, or has no role.
    """
    token = _let_in(who, roles, now)
    if token is None:
        raise Unauthorized(NO_ROLE)
    return token


def _let_in(who: Vouched, roles: Collection[tuple[Role, str]], now: datetime) -> str | None:
    """None where no role is left. Somebody new who has none leaves no trace."""
    with transaction() as session:
        take(session, Lock.PEOPLE)
        known = _known(session, who)
        user = known or _new(session, who, now)
        if user.disabled_at is not None:
            raise Unauthorized("this account is disabled")
        before = roles_of(session, user.id)
        _follow(session, user.id, set(roles), now)
        after = roles_of(session, user.id)
        if not after and known is None:
            raise Unauthorized(NO_ROLE)
        if after != before:
            audit.record(
                session, f"oidc:{who.issuer}"[:80], "user.roles", f"user/{user.username}", now,
                {"roles": before}, {"roles": after},
            )  # fmt: skip
        return begin_session(session, user.id, user.username, now) if after else None


def _known(session: Session, who: Vouched) -> User | None:
    identity = select(ExternalIdentity.user_id).where(
        ExternalIdentity.issuer == who.issuer, ExternalIdentity.subject == who.subject
    )
    return session.scalar(select(User).where(User.id == identity.scalar_subquery()))


def _new(session: Session, who: Vouched, now: datetime) -> User:
    """Never somebody who is here already, whatever they are called."""
    user = User(username=_free_name(session, who.called), password_hash=NO_PASSWORD, created_at=now)
    session.add(user)
    session.flush()
    identity = ExternalIdentity(
        user_id=user.id, issuer=who.issuer, subject=who.subject, created_at=now
    )
    session.add(identity)
    after = {"name": user.username, "issuer": who.issuer, "subject": who.subject}
    audit.record(
        session, f"oidc:{who.issuer}"[:80], "user.create", f"user/{user.username}", now, None, after
    )
    return user


def _free_name(session: Session, called: str) -> str:
    name = re.sub(r"[^a-z0-9._-]+", "-", called.lower().partition("@")[0]).strip("._-")[:56]
    name = name if len(name) > 1 else "somebody"
    taken = set(session.scalars(select(User.username).where(User.username.startswith(name))))
    free = (name if n == 1 else f"{name}-{n}" for n in range(1, len(taken) + 2))
    return next(each for each in free if each not in taken)


def _follow(session: Session, user_id: int, roles: set[tuple[Role, str]], now: datetime) -> None:
    """What was granted by hand stays. A place that is not there gives no role, and is logged."""
    wanted: dict[tuple[str, int | None, int | None], tuple[Role, str]] = {}
    for role, where in roles:
        try:
            wanted[role, *holds(session, where)] = role, where
        except Invalid:
            log.warning("no role %s: there is no %s", role, where)
    own = RoleGrant.user_id == user_id
    for grant in session.scalars(select(RoleGrant).where(own, RoleGrant.external)).all():
        if wanted.pop((grant.role, grant.site_id, grant.ward_id), None) is None:
            session.delete(grant)
    session.flush()
    for role, where in wanted.values():
        try:
            add_grant(session, user_id, role, where, "oidc", now, external=True)
        except Conflict:
            log.debug("%s of %s is granted by hand already", role, where)
