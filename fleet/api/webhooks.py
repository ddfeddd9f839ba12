"""Webhooks: other systems that hear of alerts and tickets."""

from typing import Any

from flask import Response, current_app, request, url_for

from fleet.api import clock
from fleet.api.access import Access, actor, allow
from fleet.api.blueprint import Blueprint
from fleet.api.cursors import key, paged
from fleet.api.schemas import webhooks as schemas
from fleet.config import Settings
from fleet.services.errors import NotFound
from fleet.services.webhooks import add, steer
from fleet.store.queries import webhooks as stored

bp = Blueprint("Webhooks", "Other systems that hear of alerts and tickets.")

ONE = "/webhooks/<number:webhook_id>"


@bp.route("/webhooks")
@bp.page(schemas.WebhookSchema, schemas.WEBHOOK)
@allow(Access.SITES)
def list_webhooks() -> Response:
    """All of them, by name."""
    return paged(schemas.WebhookSchema, stored.webhooks(), None)


@bp.route("/webhooks", methods=["POST"])
@bp.arguments(schemas.NewWebhookSchema, example=schemas.NEW_WEBHOOK)
@bp.response(201, schemas.WebhookSecretSchema, example=schemas.NEW_SECRET)
@allow(Access.SITES)
def add_webhook(body: dict[str, Any]) -> tuple[dict[str, Any], int, dict[str, str]]:
    """From now on it hears. Its secret is shown this once.

    The address must be public, or a private one that the setting FLEET_WEBHOOK_HOSTS names.
    """
    settings: Settings = current_app.config["FLEET"]
    here = add.Here(settings.secret_key(), settings.webhook_hosts, request.url_root)
    webhook_id, secret = add.add_webhook(add.Wanted(**body), here, actor(), clock.now())
    where = url_for("Webhooks.get_webhook", webhook_id=webhook_id)
    return {"id": webhook_id, "secret": secret}, 201, {"Location": where}


@bp.route(ONE)
@bp.response(200, schemas.WebhookSchema, example=schemas.WEBHOOK)
@allow(Access.SITES)
def get_webhook(webhook_id: int) -> stored.WebhookRow:
    """One webhook."""
    return _webhook(webhook_id)


@bp.route(ONE, methods=["DELETE"])
@bp.response(204)
@allow(Access.SITES)
def remove_webhook(webhook_id: int) -> Response:
    """It hears of nothing any more; what waits for it is not sent."""
    add.remove_webhook(webhook_id, actor(), clock.now())
    return Response(status=204)


@bp.route(f"{ONE}/deliveries")
@bp.arguments(schemas.WebhookDeliveriesQuery, location="query")
@bp.page(schemas.DeliverySchema, schemas.DELIVERY)
@allow(Access.SITES)
def list_deliveries(query: dict[str, Any], webhook_id: int) -> Response:
    """What it was told in the last 30 days, and what became of it; the newest first."""
    _webhook(webhook_id)
    (before,) = query.get("cursor", (None,))
    found = stored.find_deliveries(webhook_id, before, query["limit"])
    return paged(schemas.DeliverySchema, found.rows, key(found.before))


@bp.route(f"{ONE}/test", methods=["POST"])
@bp.response(200, schemas.WebhookTestSchema, example={"delivery": 272})
@allow(Access.SITES)
def test_webhook(webhook_id: int) -> dict[str, int]:
    """Send an event of type `test`. What became of it stands among its deliveries."""
    return {"delivery": steer.send_test(webhook_id, actor(), clock.now())}


@bp.route(f"{ONE}/secret", methods=["POST"])
@bp.response(200, schemas.WebhookSecretSchema, example=schemas.NEW_SECRET)
@allow(Access.SITES)
def renew_secret(webhook_id: int) -> dict[str, Any]:
    """Another secret, shown this once; the former one signs nothing any more."""
    settings: Settings = current_app.config["FLEET"]
    secret = add.renew_secret(webhook_id, settings.secret_key(), actor(), clock.now())
    return {"id": webhook_id, "secret": secret}


@bp.route(f"{ONE}/send-again", methods=["POST"])
@bp.response(200, schemas.DeliveryCountSchema, example=schemas.COUNT)
@allow(Access.SITES)
def send_again(webhook_id: int) -> dict[str, int]:
    """All that was given up, for another day."""
    return {"deliveries": steer.send_again(webhook_id, actor(), clock.now())}


@bp.route(f"{ONE}/let-be", methods=["POST"])
@bp.response(200, schemas.DeliveryCountSchema, example=schemas.COUNT)
@allow(Access.SITES)
def let_be(webhook_id: int) -> dict[str, int]:
    """What was given up need not come any more."""
    return {"deliveries": steer.let_be(webhook_id, actor(), clock.now())}


def _webhook(webhook_id: int) -> stored.WebhookRow:
    found = stored.webhooks(webhook_id)
    if not found:
        raise NotFound(f"no webhook {webhook_id}")
    return found[0]
