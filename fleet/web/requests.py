"""Every request by its name: logged, counted and timed; pages and API alike."""

import logging
from time import perf_counter

from flask import Flask, Response, g, request
from prometheus_client import Histogram

from fleet import request_id
from fleet.metrics import REGISTRY

log = logging.getLogger(__name__)

HEADER = "X-Request-ID"
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_POLLED = {"/healthz", "/readyz", "/metrics"}

_seconds = Histogram(
    "wardfleet_http_request_seconds",
    "Time to answer, by the address's pattern.",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
    registry=REGISTRY,
)


def init_app(app: Flask) -> None:
    """Before all others, so that it begins first and ends last."""
    app.before_request(_begin)
    app.after_request(_end)
    app.teardown_request(_forget)


def _begin() -> None:
    g.began = perf_counter()
    request_id.current.set(request_id.given_or_new(request.headers.get(HEADER)))


def _end(response: Response) -> Response:
    took = perf_counter() - g.began
    route = request.url_rule.rule if request.url_rule else "(none)"
    # What a stranger may make up must not become a series of its own.
    method = request.method if request.method in _METHODS else "(other)"
    _seconds.labels(method, route, str(response.status_code)).observe(took)
    _log(response.status_code, method, route, took)
    response.headers[HEADER] = request_id.current.get() or ""
    return response


def _log(status: int, method: str, route: str, took: float) -> None:
    """Without the query, where people's words stand; without a token that is part of an address."""
    level = logging.INFO
    if route in _POLLED or status == 304:
        level = logging.DEBUG
    elif status >= 500:
        level = logging.WARNING
    path = route if "token>" in route else request.path
    fields = {
        "method": method,
        "path": path,
        "route": route,
        "status": status,
        "seconds": round(took, 4),
        "remote": request.remote_addr,
    }
    log.log(level, "%s %s %s", method, path, status, extra={"fields": fields})


def _forget(_error: BaseException | None) -> None:
    request_id.current.set(None)
