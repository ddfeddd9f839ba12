"""The `web` process: gunicorn and its workers, each with a sign of life of its own."""

from collections.abc import Callable
from ssl import CERT_OPTIONAL, SSLContext, TLSVersion
from threading import Event, Thread
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from fleet import create_app
from fleet.config import Settings
from fleet.est import create_est_app
from fleet.services.heartbeat import Heart, beat_until

WORKERS = 2
THREADS = 8
"""Of each worker."""
STOPPED_WITHIN_S = 3.0


def serve(settings: Settings) -> None:
    """Until a signal ends it."""
    _Gunicorn(settings).run()


def serve_est(settings: Settings) -> None:
    """The enrolment server, until a signal ends it."""
    _Est(settings).run()


class _Est(BaseApplication):
    """Client certificates are asked for and not demanded: a new device has none yet."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        files = self._settings.pki.files("server")
        options = {
            "bind": f"{self._settings.device_host}:{self._settings.est_port}",
            "worker_class": "gthread",
            "workers": 1,
            "threads": THREADS,
            "control_socket_disable": True,
            "logger_class": _Log,
            "certfile": str(files.cert),
            "keyfile": str(files.key),
            "ca_certs": str(files.ca),
            "cert_reqs": CERT_OPTIONAL,
            "ssl_context": _modern,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return create_est_app(self._settings)


class _Gunicorn(BaseApplication):
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stop = Event()
        self._beating: Thread | None = None
        super().__init__()

    def load_config(self) -> None:
        options: dict[str, Any] = {
            "bind": f"{self._settings.http_host}:{self._settings.http_port}",
            "worker_class": "gthread",
            "workers": WORKERS,
            "threads": THREADS,
            "preload_app": True,
            "control_socket_disable": True,
            "logger_class": _Log,
            "post_worker_init": self._start_beating,
            "worker_exit": self._stop_beating,
        }
        if tls := self._settings.http_tls():
            options |= {"certfile": str(tls.cert), "keyfile": str(tls.key), "ssl_context": _modern}
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return create_app(self._settings)

    def _start_beating(self, worker: Any) -> None:
        """In the worker, after the fork: a thread does not outlive one."""
        app: Flask = worker.wsgi
        heart = app.extensions["heart"] = Heart("web", self._settings)
        self._beating = Thread(
            target=beat_until, args=(self._stop, heart, app.app_context), daemon=True
        )
        self._beating.start()

    def _stop_beating(self, _server: Any, _worker: Any) -> None:
        self._stop.set()
        if self._beating:
            self._beating.join(STOPPED_WITHIN_S)


def _modern(_config: Any, make: Callable[[], SSLContext]) -> SSLContext:
    context = make()
    context.minimum_version = TLSVersion.TLSv1_2
    return context


class _Log(Logger):
    """gunicorn's own words go where all others go; requests are logged by `fleet.web.requests`."""

    def setup(self, cfg: Any) -> None:
        self._access_log_enabled = False
        self.error_log.propagate = True
