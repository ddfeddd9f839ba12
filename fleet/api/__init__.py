"""REST under /api/v1: reads `store.queries`, writes through `services`, documents itself."""

from flask import Flask, Response, request

from fleet.api import (
    alerts,
    assignments,
    availability,
    batteries,
    commands,
    compliance,
    devices,
    docs,
    enrolment,
    firmware,
    metrics,
    people,
    profiles,
    readings,
    rollouts,
    wards,
    webhooks,
)
from fleet.api.openapi import make_api

BLUEPRINTS = (
    availability.bp,
    wards.bp,
    devices.bp,
    enrolment.bp,
    readings.bp,
    batteries.bp,
    profiles.bp,
    assignments.bp,
    firmware.bp,
    compliance.bp,
    alerts.bp,
    rollouts.bp,
    people.bp,
    commands.bp,
    webhooks.bp,
)


def init_app(app: Flask) -> None:
    api = make_api(app, BLUEPRINTS)
    docs.init_app(app, api)
    app.register_blueprint(metrics.bp)
    app.after_request(_keep_private)


def _keep_private(response: Response) -> Response:
    """No proxy may hand one caller's answer to another, nor anybody an old one."""
    if request.path.startswith("/api/"):
        response.headers.setdefault("Cache-Control", "private, no-cache")
    return response
