"""Webhooks, and what each of them has been told or is still to be told."""

from datetime import datetime

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from fleet.domain.webhooks.events import DeliveryState
from fleet.store.database import NEVER_AGAIN, Base
from fleet.store.types import Instant


class Webhook(Base):
    """Another system's address, and what it hears of. `sites`: their slugs; none: of everything.

    Its secret is nowhere: it is made of `salt` and the installation's own key, and known again by
    `secret_hash`. `console`: where the console was when the webhook was added, for links.
    """

    __tablename__ = "webhook"
    __table_args__ = NEVER_AGAIN

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    url: Mapped[str] = mapped_column(String(512))
    events: Mapped[list[str]] = mapped_column(JSON)
    sites: Mapped[list[str]] = mapped_column(JSON, default=list)
    console: Mapped[str] = mapped_column(String(256))
    salt: Mapped[str] = mapped_column(String(64))
    secret_hash: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime] = mapped_column(Instant)
    made_by: Mapped[str] = mapped_column(String(80))
    removed_at: Mapped[datetime | None] = mapped_column(Instant)
    failures: Mapped[int] = mapped_column(default=0)
    """In a row."""
    failing_since: Mapped[datetime | None] = mapped_column(Instant)
    rests_until: Mapped[datetime | None] = mapped_column(Instant)


class WebhookDelivery(Base):
    """One event for one webhook: what it was about as it was then, in the change's transaction.

    Nothing of it refers to another row: it says the same when it is tried again a day later.
    """

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        Index("ix_webhook_delivery_state", "state", "webhook_id", "id"),
        Index("ix_webhook_delivery_webhook", "webhook_id", "id"),
        Index("ix_webhook_delivery_ended", "ended_at"),
        NEVER_AGAIN,
    )

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    webhook_id: Mapped[int] = mapped_column(ForeignKey("webhook.id"))
    event: Mapped[str] = mapped_column(String(24))
    at: Mapped[datetime] = mapped_column(Instant)
    alert_id: Mapped[int | None]
    ticket_id: Mapped[int | None]
    kind: Mapped[str | None] = mapped_column(String(32))
    """Of the alert; of a ticket, its reason."""
    detail: Mapped[str | None] = mapped_column(String(256))
    opened_at: Mapped[datetime | None] = mapped_column(Instant)
    device_id: Mapped[str | None] = mapped_column(String(63))
    asset_tag: Mapped[str | None] = mapped_column(String(64))
    ward: Mapped[str | None] = mapped_column(String(64))
    ward_name: Mapped[str | None] = mapped_column(String(128))
    site: Mapped[str | None] = mapped_column(String(64))
    site_name: Mapped[str | None] = mapped_column(String(128))
    rollout_id: Mapped[int | None]
    state: Mapped[str] = mapped_column(String(16), default=DeliveryState.WAITING)
    next_at: Mapped[datetime] = mapped_column(Instant)
    """Later than `at` where later ones were taken and this one was not."""
    until: Mapped[datetime] = mapped_column(Instant)
    """Given up then."""
    tries: Mapped[int] = mapped_column(default=0)
    tried_at: Mapped[datetime | None] = mapped_column(Instant)
    problem: Mapped[str | None] = mapped_column(String(256))
    """Why the last try failed."""
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
