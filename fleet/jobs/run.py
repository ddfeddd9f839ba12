"""The `schedule` process: APScheduler over the table of jobs, idle while another one leads."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event
from time import monotonic, time
from uuid import uuid4

from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from fleet.config import Settings
from fleet.dispatch.publisher import Publisher
from fleet.dispatch.webhooks import Deliverer
from fleet.jobs import metrics
from fleet.jobs.table import JOBS, Job, Tools
from fleet.services.heartbeat import Heart
from fleet.services.leadership import RENEW_EVERY, NotLeading, Term, begin, lead, resign
from fleet.store.clock import service_now
from fleet.store.database import fenced, in_words

log = logging.getLogger(__name__)

LEASE = "schedule"
LONG = timedelta(minutes=1)
"""Jobs as rare as this are done once for each turn, whoever leads; the others just go on."""
LOOK_EVERY_S = 1.0
PUT_BY_S = 2.0
"""A machine's clock that differs by this much from what was expected has been put."""


def run_schedule(app: Flask, settings: Settings, stop: Event) -> None:
    """Run every job on time until `stop`. A job that fails is logged, and runs again next time."""
    # A job still at work when its next turn comes is let finish: no reason for a warning.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    name = f"wardfleet-schedule-{uuid4().hex[:12]}"
    publisher = Publisher(settings.mqtt_url, name, settings.mqtt_tls("schedule"))
    publisher.start()
    leadership = _Leadership(app, settings.instance_name("schedule"))
    scheduler = BackgroundScheduler(timezone="UTC")
    deliverer = Deliverer(settings.secret_key(), settings.webhook_hosts)
    tools = Tools(settings, publisher, deliverer)
    for job in JOBS:
        scheduler.add_job(
            _guarded(app, job, tools, leadership),
            "interval",
            seconds=job.every_s,
            id=job.name,
            next_run_time=datetime.now(UTC),
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
        )
    leadership.seek()
    scheduler.start()
    heart = Heart("schedule", settings)
    ahead_s = time() - monotonic()
    while not stop.wait(LOOK_EVERY_S):
        leadership.seek()
        with app.app_context():
            heart.beat(publisher.is_connected)
        if abs(time() - monotonic() - ahead_s) > PUT_BY_S:
            ahead_s = time() - monotonic()
            _begin_anew(scheduler)
    scheduler.shutdown(wait=True)
    deliverer.close()
    leadership.resign()
    with app.app_context():
        heart.stop()
    publisher.stop()


class _Leadership:
    """The term of this process, while it has one."""

    def __init__(self, app: Flask, holder: str) -> None:
        self._app = app
        self._holder = holder
        self._term: Term | None = None
        self._next = 0.0

    @property
    def term(self) -> Term | None:
        """None too where it has run out: whoever slept for so long must ask first."""
        term = self._term
        return term if term and monotonic() < term.ends else None

    def seek(self) -> None:
        """Renew what is held, or take what has expired; call it every second."""
        if self.term and monotonic() < self._next:
            return
        self._next = monotonic() + RENEW_EVERY.total_seconds()
        led = self._term is not None
        try:
            with self._app.app_context():
                self._term = lead(LEASE, self._holder, service_now(), self._term)
        except SQLAlchemyError as error:
            log.warning("database: %s", in_words(error))  # the term runs out by itself
            return
        if (self._term is not None) != led:
            log.info("%s %s", self._holder, "leads" if self._term else "stands by")

    def resign(self) -> None:
        try:
            with self._app.app_context():
                if self._term:
                    resign(self._term, service_now())
        except SQLAlchemyError as error:
            log.warning("database: %s", in_words(error))  # the lease expires by itself


def _guarded(app: Flask, job: Job, tools: Tools, leadership: _Leadership) -> Callable[[], None]:
    every = timedelta(seconds=job.every_s)

    def run() -> None:
        if (term := leadership.term) is None:
            return
        try:
            with app.app_context(), fenced(term.must_hold):
                now = service_now()
                if every < LONG or begin(job.name, every, now):
                    with metrics.SECONDS.labels(job.name).time():
                        job.run(tools, now)
                    metrics.LAST_SUCCESS.labels(job.name).set_to_current_time()
        except NotLeading:
            log.info("job %s: another process leads by now", job.name)
        except Exception:
            metrics.FAILURES.labels(job.name).inc()
            log.exception("job %s failed; it runs again in %s s", job.name, job.every_s)

    return run


def _begin_anew(scheduler: BackgroundScheduler) -> None:
    """The machine's clock was put: jobs that wait for a moment long past, or far ahead, run now."""
    for job in scheduler.get_jobs():
        job.modify(next_run_time=datetime.now(UTC))
