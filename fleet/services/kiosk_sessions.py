"""Somebody stands before a shared screen: a badge says who, a PIN that it is them, for a minute."""

import logging
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from fleet.domain.badges import counts_anew, is_throttled
from fleet.services import audit
from fleet.services.badges import badge_key
from fleet.services.errors import TooManyAttempts, Unauthorized
from fleet.services.passwords import matches
from fleet.services.secrets import new_token, token_hash
from fleet.store.database import db, transaction
from fleet.store.kiosk import Badge, Kiosk, KioskSession
from fleet.store.people import User

log = logging.getLogger(__name__)

LASTS = timedelta(minutes=30)
"""However often the screen is touched."""
UNKNOWN = "this badge is not known here: IT gives badges to people"


def show_badge(
    kiosk: Kiosk, badge_id: str, secret: str, idle: timedelta, now: datetime
) -> tuple[str, Badge]:
    """A session that knows who it is and changes nothing yet. Raises Unauthorized."""
    kiosk_id = kiosk.id
    with transaction() as session:
        badge = session.scalar(
            select(Badge)
            .join(User)
            .where(
                Badge.key == badge_key(secret, badge_id),
                Badge.revoked_at.is_(None),
                User.disabled_at.is_(None),
            )
        )
        if badge is None:
            raise Unauthorized(UNKNOWN)
        session.execute(delete(KioskSession).where(KioskSession.kiosk_id == kiosk_id))
        return _begin(session, kiosk_id, badge.id, None, idle, now), badge


def enter_pin(token: str, pin: str, idle: timedelta, now: datetime) -> str:
    """The session goes on under another token, and may change things from now on.

    Raises Unauthorized, or TooManyAttempts after five wrong PINs of this badge in five minutes:
    nobody else is affected (control 31).
    """
    standing = kiosk_session(token, now)
    if standing is None:
        raise Unauthorized("hold your badge to the reader first")
    badge_id, kiosk_id, username = (
        standing.badge_id,
        standing.kiosk_id,
        standing.badge.user.username,
    )
    pin_hash = _count_try(badge_id, now)
    if not matches(pin_hash, pin):
        log.warning("PIN refused: %s", username)
        raise Unauthorized("that PIN is not right")
    with transaction() as session:
        session.execute(update(Badge).where(Badge.id == badge_id).values(tries=0, tried_since=None))
        gone = session.execute(
            delete(KioskSession)
            .where(KioskSession.token_hash == token_hash(token))
            .returning(KioskSession.token_hash)
        ).all()
        if not gone:
            raise Unauthorized("that session is over: hold your badge to the reader again")
        subject = f"user/{username}"
        after = {"screen": f"kiosk/{kiosk_id}", "badge": badge_id}
        audit.record(session, f"user:{username}", "session.begin", subject, now, after=after)
        return _begin(session, kiosk_id, badge_id, now, idle, now)


def kiosk_session(token: str, now: datetime) -> KioskSession | None:
    """None once it is over, or its badge, its person or its screen is not trusted any more."""
    return db.session.scalar(
        select(KioskSession)
        .join(Badge, Badge.id == KioskSession.badge_id)
        .join(User, User.id == Badge.user_id)
        .join(Kiosk, Kiosk.id == KioskSession.kiosk_id)
        .where(
            KioskSession.token_hash == token_hash(token),
            KioskSession.idle_at > now,
            KioskSession.ends_at > now,
            Badge.revoked_at.is_(None),
            User.disabled_at.is_(None),
            Kiosk.revoked_at.is_(None),
        )
    )


def keep_awake(token: str, idle: timedelta, now: datetime) -> bool:
    """Somebody has touched the screen. False if the session is over: nothing brings it back."""
    with transaction() as session:
        moved = session.execute(
            update(KioskSession)
            .where(
                KioskSession.token_hash == token_hash(token),
                KioskSession.idle_at > now,
                KioskSession.ends_at > now,
            )
            .values(idle_at=now + idle)
            .returning(KioskSession.token_hash)
        ).all()
    return bool(moved)


def sign_off(token: str) -> None:
    with transaction() as session:
        session.execute(delete(KioskSession).where(KioskSession.token_hash == token_hash(token)))


def _begin(
    session: Session,
    kiosk_id: int,
    badge_id: int,
    pin_at: datetime | None,
    idle: timedelta,
    now: datetime,
) -> str:
    token = new_token()
    session.execute(delete(KioskSession).where(KioskSession.ends_at <= now))
    row = KioskSession(
        token_hash=token_hash(token), kiosk_id=kiosk_id, badge_id=badge_id, began_at=now,
        pin_at=pin_at, idle_at=now + idle, ends_at=now + LASTS,
    )  # fmt: skip
    session.add(row)
    return token


def _count_try(badge_id: int, now: datetime) -> str | None:
    """Before the PIN is looked at, as if it were wrong; the right one takes it all back.

    Returns its hash; None where the badge has none, which no PIN meets.
    """
    with transaction() as session:
        badge = session.get_one(Badge, badge_id, with_for_update=True, populate_existing=True)
        if is_throttled(badge.tries, badge.tried_since, now):
            raise TooManyAttempts("too many wrong PINs of this badge: try again in five minutes")
        if counts_anew(badge.tried_since, now):
            badge.tries, badge.tried_since = 0, now
        badge.tries += 1
        return badge.pin_hash
