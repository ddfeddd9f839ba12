"""What a webhook says: the same bytes however often it is tried. No person's name is in it."""

from typing import Any
from urllib.parse import quote

import msgspec

from fleet.domain.holding import FAULTS, Hold
from fleet.domain.webhooks.events import OF_ALERTS, Event
from fleet.store.types import to_ms
from fleet.store.webhook import WebhookDelivery


def message_id(delivery: WebhookDelivery) -> str:
    """By which a receiver knows one that comes twice: never that of another, also after a restore
    (decision 10) or where an installation is made anew."""
    return f"msg_{to_ms(delivery.at):x}_{delivery.id}"


def body_of(delivery: WebhookDelivery, console: str) -> bytes:
    """JSON. `console`: where its pages are, without a slash at the end."""
    d = delivery
    content: dict[str, Any] = {"type": d.event, "at": d.at}
    if d.event in OF_ALERTS:
        content["alert"] = {
            "id": d.alert_id, "kind": d.kind, "detail": d.detail, "opened_at": d.opened_at,
        }  # fmt: skip
        content["rollout"] = d.rollout_id
    elif d.event != Event.TEST:
        words = FAULTS[Hold(d.kind)] if d.kind else None
        content["ticket"] = {
            "id": d.ticket_id, "reason": d.kind, "detail": words, "opened_at": d.opened_at,
        }  # fmt: skip
    content["device"] = _named(d.device_id, "id", d.asset_tag, "asset_tag")
    content["ward"] = _named(d.ward, "slug", d.ward_name, "name")
    content["site"] = _named(d.site, "slug", d.site_name, "name")
    content["link"] = console + _page(d)
    return msgspec.json.encode(content)


def _named(key: str | None, key_name: str, name: str | None, name_name: str) -> Any:
    return None if key is None else {key_name: key, name_name: name}


def _page(delivery: WebhookDelivery) -> str:
    if delivery.event == Event.TEST:
        return f"/it/webhooks/{delivery.webhook_id}"
    if delivery.ticket_id is not None:
        return "/it/tickets"
    if delivery.rollout_id is not None:
        return f"/it/rollouts/{delivery.rollout_id}"
    if delivery.device_id is not None:
        return f"/it/devices/{quote(delivery.device_id)}"
    return f"/it/alerts?kind={quote(delivery.kind or '')}"
