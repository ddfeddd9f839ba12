"""Whether who has proposed long work may still do it: by what they have now, not what they had."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.domain.access import Access, Grant, Reach, Role, Scope, giving
from fleet.domain.tasks import TaskKind
from fleet.services.errors import Conflict
from fleet.store.device import Device
from fleet.store.people import ApiToken, User
from fleet.store.queries.people import grants_of
from fleet.store.queries.whereabouts import within
from fleet.store.site import Ward

_PERSON, _TOKEN = "user:", "token/"


class Lost(Conflict):
    """They may change devices nowhere any more, or are disabled."""


def present_reach(session: Session, actor: str, now: datetime) -> Reach:
    """Part of a transaction: where they may change devices. Raises Lost."""
    held = giving(_grants(session, actor, now), Access.DEVICES)
    if not held:
        raise Lost("who has proposed it may not change devices any more")
    return Reach.of(held)


def must_reach_step(
    session: Session, reach: Reach, kind: str, subject: str, wanted: Mapping[str, Any]
) -> None:
    """Part of a transaction. Raises Conflict where the step is about what is beyond it."""
    if reach.everything:
        return
    if kind == TaskKind.IMPORT:
        raise Conflict("an import is for who may change every device, and they may not any more")
    device = select(Device.id).where(Device.device_id == subject, within(Device.ward_id, reach))
    if session.scalar(device) is None:
        raise Conflict(f"who has proposed it may not change {subject} any more")
    ward = select(Ward.id).where(Ward.slug == wanted.get("ward"), within(Ward.id, reach))
    if kind == TaskKind.MOVE and session.scalar(ward) is None:
        raise Conflict(f"who has proposed it may not move anything to {wanted['ward']} any more")


def _grants(session: Session, actor: str, now: datetime) -> Iterable[Grant]:
    if actor.startswith(_PERSON):
        standing = User.disabled_at.is_(None), User.username == actor.removeprefix(_PERSON)
        user_id = session.scalar(select(User.id).where(*standing))
        return () if user_id is None else grants_of(user_id)
    if actor.startswith(_TOKEN) and (number := actor.removeprefix(_TOKEN)).isdecimal():
        return _grants_of_token(session, int(number), now)
    return ()


def _grants_of_token(session: Session, token_id: int, now: datetime) -> Iterable[Grant]:
    row = session.scalar(
        select(ApiToken).where(
            ApiToken.id == token_id,
            ApiToken.revoked_at.is_(None),
            ApiToken.expires_at.is_(None) | (ApiToken.expires_at > now),
        )
    )
    if row is None or Scope.WRITE not in row.scopes:
        return ()
    return (Grant(Role(row.role), row.site_id, row.ward_id),)
