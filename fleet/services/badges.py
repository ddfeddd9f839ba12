"""Badges are given to people and taken from them. Their ids are kept as keyed hashes alone."""

import hashlib
import hmac
from datetime import datetime

from sqlalchemy import select, update

from fleet.domain.badges import BADGE_ID, BADGE_ID_WORDS, pin_problem
from fleet.services import audit
from fleet.services.errors import Conflict, Invalid, NotFound
from fleet.services.passwords import hash_password
from fleet.store.database import transaction
from fleet.store.kiosk import Badge
from fleet.store.people import User

_PURPOSE = b"wardfleet badge"


def badge_key(secret: str, badge_id: str) -> str:
    """HMAC-SHA256 (hex). Badge ids are short and often in a row: a bare hash would be guessed."""
    own = hmac.digest(secret.encode(), _PURPOSE, "sha256")
    return hmac.new(own, badge_id.encode(), hashlib.sha256).hexdigest()


def give_badge(
    username: str, badge_id: str, pin: str, secret: str, actor: str, now: datetime
) -> int:
    """In the place of the one that this person had. `pin` empty: the badge changes nothing.

    Raises Invalid, NotFound, or Conflict where somebody else has it.
    """
    problems = {}
    if not BADGE_ID.fullmatch(badge_id):
        problems["badge"] = BADGE_ID_WORDS
    if pin and (problem := pin_problem(pin)):
        problems["pin"] = problem
    if problems:
        raise Invalid(problems)
    key, pin_hash = badge_key(secret, badge_id), hash_password(pin) if pin else None
    with transaction() as session:
        user_id = session.scalar(select(User.id).where(User.username == username))
        if user_id is None:
            raise NotFound(f"no user {username}")
        standing = Badge.revoked_at.is_(None)
        owner = session.scalar(select(Badge.user_id).where(Badge.key == key, standing))
        if owner not in (None, user_id):
            raise Conflict("somebody else has this badge: revoke it there first")
        old = session.scalars(
            update(Badge)
            .where(Badge.user_id == user_id, standing)
            .values(revoked_at=now)
            .returning(Badge.id)
        ).all()
        badge = Badge(user_id=user_id, key=key, pin_hash=pin_hash, made_at=now, made_by=actor)
        session.add(badge)
        session.flush()
        pictures = {"badges": sorted(old)}, {"badge": badge.id, "has_pin": bool(pin)}
        audit.record(session, actor, "badge.give", f"user/{username}", now, *pictures)
        return badge.id


def revoke_badge(badge_id: int, actor: str, now: datetime) -> None:
    """Its sessions end with it. Raises NotFound, or Conflict if it is revoked already."""
    with transaction() as session:
        badge = session.get(Badge, badge_id)
        if badge is None:
            raise NotFound(f"no badge {badge_id}")
        changed = session.execute(
            update(Badge)
            .where(Badge.id == badge_id, Badge.revoked_at.is_(None))
            .values(revoked_at=now)
            .returning(Badge.id)
        ).all()
        if not changed:
            raise Conflict("that badge is revoked already")
        subject = f"user/{badge.user.username}"
        before, after = {"badge": badge_id, "revoked": False}, {"badge": badge_id, "revoked": True}
        audit.record(session, actor, "badge.revoke", subject, now, before, after)
