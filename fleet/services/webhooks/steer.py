"""By hand: try whether a receiver hears, send again what was given up, or let it be."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from fleet.domain.webhooks.events import DeliveryState, Event
from fleet.domain.webhooks.retries import GIVEN_UP_AFTER
from fleet.services import audit
from fleet.services.errors import Conflict
from fleet.services.webhooks.add import end_all, standing
from fleet.store.database import transaction
from fleet.store.webhook import WebhookDelivery


def send_test(webhook_id: int, actor: str, now: datetime) -> int:
    """The id of a delivery that says nothing but that it is a test. Raises NotFound.

    A receiver that is left alone is tried at once.
    """
    with transaction() as session:
        row = standing(session, webhook_id)
        row.rests_until = None
        delivery = WebhookDelivery(
            webhook_id=webhook_id, event=Event.TEST, at=now, next_at=now,
            until=now + GIVEN_UP_AFTER,
        )  # fmt: skip
        session.add(delivery)
        session.flush()
        after = {"delivery": delivery.id}
        audit.record(session, actor, "webhook.test", f"webhook/{webhook_id}", now, after=after)
        return delivery.id


def send_again(webhook_id: int, actor: str, now: datetime) -> int:
    """All that was given up, for another day; returns how many. Raises NotFound, Conflict."""
    with transaction() as session:
        standing(session, webhook_id).rests_until = None
        again = session.execute(
            update(WebhookDelivery)
            .where(
                WebhookDelivery.webhook_id == webhook_id,
                WebhookDelivery.state == DeliveryState.GIVEN_UP,
            )
            .values(
                state=DeliveryState.WAITING, next_at=WebhookDelivery.at,
                until=now + GIVEN_UP_AFTER, tries=0, ended_at=None,
            )
            .returning(WebhookDelivery.id)
            .execution_options(synchronize_session=False)
        ).all()  # fmt: skip
        return _noted(session, webhook_id, "webhook.again", len(again), actor, now)


def let_be(webhook_id: int, actor: str, now: datetime) -> int:
    """What was given up need not come any more; returns how many. Raises NotFound, Conflict."""
    with transaction() as session:
        standing(session, webhook_id)
        ended = end_all(session, webhook_id, DeliveryState.GIVEN_UP, now)
        return _noted(session, webhook_id, "webhook.let_be", ended, actor, now)


def _noted(
    session: Session, webhook_id: int, action: str, count: int, actor: str, now: datetime
) -> int:
    if not count:
        raise Conflict("nothing was given up")
    after = {"deliveries": count}
    audit.record(session, actor, action, f"webhook/{webhook_id}", now, after=after)
    return count
