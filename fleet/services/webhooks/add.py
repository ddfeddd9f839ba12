"""Another system is to hear of what happens; or not any more."""

import hashlib
import secrets
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from fleet.domain.webhooks.addresses import Allowed, origin_of, target_of
from fleet.domain.webhooks.events import EVENTS, DeliveryState
from fleet.services import audit
from fleet.services.errors import Invalid, NotFound
from fleet.services.secrets import token_hash
from fleet.services.webhooks.secret import webhook_secret
from fleet.store.database import transaction
from fleet.store.site import Site
from fleet.store.webhook import Webhook, WebhookDelivery


class Wanted(NamedTuple):
    """`events`: words of `domain.webhooks.events`. `sites`: slugs; none: everything."""

    name: str
    url: str
    events: Sequence[str]
    sites: Sequence[str] = ()


class Here(NamedTuple):
    """What of this installation a webhook needs. `console`: where people reach it, for links."""

    secret_key: str
    allowed: Allowed
    console: str


def add_webhook(wanted: Wanted, here: Here, actor: str, now: datetime) -> tuple[int, str]:
    """Its id, and its secret, which nobody can see again. Raises Invalid."""
    problems = _problems(wanted, here.allowed)
    salt = secrets.token_hex(32)
    secret = webhook_secret(here.secret_key, salt)
    with transaction() as session:
        if unknown := _unknown_sites(session, wanted.sites):
            problems["sites"] = f"there is no site {', '.join(unknown)}"
        if problems:
            raise Invalid(problems)
        row = Webhook(
            name=wanted.name.strip(), url=wanted.url, events=_in_order(wanted.events),
            sites=sorted(set(wanted.sites)), console=here.console[:256].rstrip("/"), salt=salt,
            secret_hash=token_hash(secret), made_at=now, made_by=actor,
        )  # fmt: skip
        session.add(row)
        session.flush()
        audit.record(session, actor, "webhook.add", _subject(row.id), now, after=_picture(row))
        return row.id, secret


def remove_webhook(webhook_id: int, actor: str, now: datetime) -> None:
    """What waits for it is not sent any more. Raises NotFound."""
    with transaction() as session:
        row = standing(session, webhook_id)
        row.removed_at = now
        end_all(session, webhook_id, DeliveryState.WAITING, now)
        before = {**_picture(row), "removed": False}
        audit.record(
            session, actor, "webhook.remove", _subject(webhook_id), now, before, {"removed": True}
        )


def renew_secret(webhook_id: int, secret_key: str, actor: str, now: datetime) -> str:
    """Another secret, which alone counts from now on. Raises NotFound."""
    salt = secrets.token_hex(32)
    secret = webhook_secret(secret_key, salt)
    with transaction() as session:
        row = standing(session, webhook_id)
        row.salt, row.secret_hash = salt, token_hash(secret)
        audit.record(session, actor, "webhook.secret", _subject(webhook_id), now)
    return secret


def standing(session: Session, webhook_id: int) -> Webhook:
    """Part of a transaction: locked against other changes of it, not against new deliveries to it.

    Raises NotFound: also for one that was removed.
    """
    query = select(Webhook).where(Webhook.id == webhook_id, Webhook.removed_at.is_(None))
    row = session.scalar(query.with_for_update(key_share=True))
    if row is None:
        raise NotFound(f"no webhook {webhook_id}")
    return row


def end_all(session: Session, webhook_id: int, state: DeliveryState, now: datetime) -> int:
    """Part of a transaction: those of its deliveries that are in this state are let be."""
    ended = session.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.webhook_id == webhook_id, WebhookDelivery.state == state)
        .values(state=DeliveryState.LET_BE, ended_at=now)
        .returning(WebhookDelivery.id)
        .execution_options(synchronize_session=False)
    )
    return len(ended.all())


def _problems(wanted: Wanted, allowed: Allowed) -> dict[str, str]:
    problems = {}
    name = wanted.name.strip()
    if not 1 <= len(name) <= 64 or not name.isprintable():
        problems["name"] = "1 to 64 printable characters"
    if not wanted.events or not set(wanted.events) <= set(EVENTS):
        problems["events"] = f"one or more of {', '.join(EVENTS)}"
    try:
        target_of(wanted.url, allowed)
    except ValueError as problem:
        problems["url"] = str(problem)
    return problems


def _unknown_sites(session: Session, slugs: Collection[str]) -> list[str]:
    known = session.scalars(select(Site.slug).where(Site.slug.in_(slugs))).all() if slugs else []
    return sorted(set(slugs) - set(known))


def _in_order(events: Collection[str]) -> list[str]:
    return [str(event) for event in EVENTS if event in events]


def _subject(webhook_id: int) -> str:
    return f"webhook/{webhook_id}"


def _picture(row: Webhook) -> dict[str, Any]:
    """Of its address, which may hold a secret: where it leads, and by what it is known again."""
    digest = hashlib.sha256(row.url.encode()).hexdigest()[:12]
    where = {"url": origin_of(row.url), "url_sha256": digest}
    return {"name": row.name, **where, "events": row.events, "sites": row.sites}
