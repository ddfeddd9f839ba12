"""Screens on wards: registered by a code that works once, known by a cookie, and revoked."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update

from fleet.services import audit
from fleet.services.errors import Conflict, Invalid, NotFound
from fleet.services.secrets import new_token, token_hash
from fleet.store.database import transaction
from fleet.store.kiosk import Kiosk, KioskSession
from fleet.store.site import Ward

CODE_LASTS = timedelta(minutes=15)
LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Without those that look alike: somebody types it on a screen."""
CODE_LENGTH = 10


def add_kiosk(ward_slug: str, name: str, actor: str, now: datetime) -> str:
    """The code to type on the screen. Raises Invalid."""
    name = name.strip()
    problems = {}
    if not 1 <= len(name) <= 64 or not name.isprintable():
        problems["name"] = "1 to 64 printable characters"
    code = "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH))
    with transaction() as session:
        ward_id = session.scalar(select(Ward.id).where(Ward.slug == ward_slug))
        if ward_id is None:
            problems["ward"] = f"no such ward: {ward_slug}"
        if problems:
            raise Invalid(problems)
        kiosk = Kiosk(
            ward_id=ward_id, name=name, code_hash=token_hash(code),
            code_expires_at=now + CODE_LASTS, made_at=now, made_by=actor,
        )  # fmt: skip
        session.add(kiosk)
        session.flush()
        after = {"name": name, "ward": ward_slug}
        audit.record(session, actor, "kiosk.add", f"kiosk/{kiosk.id}", now, after=after)
    return code


def register_kiosk(code: str, now: datetime) -> tuple[str, str]:
    """The screen's token, and the slug of its ward. Raises NotFound: wrong, used, or too old."""
    given = "".join(code.upper().split()).replace("-", "")
    token = new_token()
    with transaction() as session:
        found = session.execute(
            update(Kiosk)
            .where(
                Kiosk.code_hash == token_hash(given),
                Kiosk.code_expires_at > now,
                Kiosk.revoked_at.is_(None),
            )
            .values(
                code_hash=None, code_expires_at=None, token_hash=token_hash(token),
                registered_at=now,
            )
            .returning(Kiosk.id, Kiosk.ward_id)
        ).first()  # fmt: skip
        if found is None:
            raise NotFound("this code is wrong, was used, or is older than 15 minutes")
        slug = session.scalars(select(Ward.slug).where(Ward.id == found.ward_id)).one()
        subject, pictures = f"kiosk/{found.id}", ({"registered": False}, {"registered": True})
        audit.record(session, subject, "kiosk.register", subject, now, *pictures)
    return token, slug


def revoke_kiosk(kiosk_id: int, actor: str, now: datetime) -> None:
    """Who stands before it is signed off. Raises NotFound, or Conflict if it is revoked already."""
    with transaction() as session:
        if session.get(Kiosk, kiosk_id) is None:
            raise NotFound(f"no screen {kiosk_id}")
        changed = session.execute(
            update(Kiosk)
            .where(Kiosk.id == kiosk_id, Kiosk.revoked_at.is_(None))
            .values(revoked_at=now, code_hash=None, token_hash=None)
            .returning(Kiosk.id)
        ).all()
        if not changed:
            raise Conflict("that screen is revoked already")
        session.execute(delete(KioskSession).where(KioskSession.kiosk_id == kiosk_id))
        pictures = {"revoked": False}, {"revoked": True}
        audit.record(session, actor, "kiosk.revoke", f"kiosk/{kiosk_id}", now, *pictures)
