"""The `schedule` process: APScheduler over the table of jobs."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event

from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask

from fleet.config import Settings
from fleet.dispatch.publisher import Publisher
from fleet.jobs import metrics
from fleet.jobs.table import JOBS, Job, Tools
from fleet.services.heartbeat import Heart, beat_until

log = logging.getLogger(__name__)


def run_schedule(app: Flask, settings: Settings, stop: Event) -> None:
    """Run every job on time until `stop`. A job that fails is logged, and runs again next time."""
    # A job still at work when its next turn comes is let finish: no reason for a warning.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    publisher = Publisher(settings.mqtt_url, "wardfleet-schedule")
    publisher.start()
    scheduler = BackgroundScheduler(timezone="UTC")
    tools = Tools(settings, publisher)
    for job in JOBS:
        scheduler.add_job(
            _guarded(app, job, tools),
            "interval",
            seconds=job.every_s,
            id=job.name,
            next_run_time=datetime.now(UTC),
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
        )
    scheduler.start()
    heart = Heart("schedule", settings)
    beat_until(stop, heart, app.app_context, lambda: publisher.is_connected)
    scheduler.shutdown(wait=True)
    publisher.stop()


def _guarded(app: Flask, job: Job, tools: Tools) -> Callable[[], None]:
    def run() -> None:
        with app.app_context():
            try:
                with metrics.SECONDS.labels(job.name).time():
                    job.run(tools, datetime.now(UTC))
                metrics.LAST_SUCCESS.labels(job.name).set_to_current_time()
            except Exception:
                metrics.FAILURES.labels(job.name).inc()
                log.exception("job %s failed; it runs again in %s s", job.name, job.every_s)

    return run
