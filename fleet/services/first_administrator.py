"""The first administrator comes in by a link that works once, within an hour."""

import re
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from fleet.domain.access import Role
from fleet.services import audit
from fleet.services.errors import Invalid, NotFound
from fleet.services.passwords import hash_password, weakness
from fleet.services.secrets import new_token, token_hash
from fleet.store.database import db, transaction
from fleet.store.people import RoleGrant, SetupLink, User

VALID_FOR = timedelta(hours=1)
_USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,63}")


def offer(now: datetime) -> str | None:
    """A new link's token; None once there is somebody. Earlier links end with it."""
    with transaction() as session:
        if _is_somebody_there(session):
            return None
        token = new_token()
        session.execute(delete(SetupLink))
        session.add(SetupLink(token_hash=token_hash(token), expires_at=now + VALID_FOR))
    return token


def is_open(token: str, now: datetime) -> bool:
    link = db.session.get(SetupLink, token_hash(token))
    return link is not None and link.expires_at > now


def create_administrator(token: str, username: str, password: str, now: datetime) -> None:
    """Raises NotFound for a spent or expired link, Invalid naming the field that will not do."""
    problems = problems_with(username, password)
    with transaction() as session:
        if not _spend(session, token, now) or _is_somebody_there(session):
            raise NotFound("this link has been used, or its hour is over; start fleet again")
        if problems:
            raise Invalid(problems)
        user = User(username=username, password_hash=hash_password(password), created_at=now)
        session.add(user)
        session.flush()
        session.add(
            RoleGrant(
                user_id=user.id, role=Role.ADMINISTRATOR, created_at=now, created_by="setup-link"
            )
        )
        after = {"name": username, "roles": [f"{Role.ADMINISTRATOR} of everything"]}
        audit.record(session, "setup-link", "user.create", f"user/{username}", now, after=after)


def problems_with(username: str, password: str) -> dict[str, str]:
    """By field: what is wrong with it."""
    problems = {}
    if not _USERNAME.fullmatch(username):
        problems["username"] = "2 to 64 of a-z, 0-9 and . _ -"
    if weak := weakness(password, username):
        problems["password"] = weak
    return problems


def _spend(session: Session, token: str, now: datetime) -> bool:
    """Whether the link was still good. All are gone now, unless the transaction comes to nothing.

    Of two at the same moment, by one link or by two, the second waits for the first and then finds
    no row, or somebody there.
    """
    links = delete(SetupLink).returning(SetupLink.token_hash, SetupLink.expires_at)
    spent = session.execute(links).all()
    return any(link == token_hash(token) and expires_at > now for link, expires_at in spent)


def _is_somebody_there(session: Session) -> bool:
    return bool(session.scalar(select(func.count()).select_from(User)))
