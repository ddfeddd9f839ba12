"""How the scheduled jobs fare can be read from outside."""

import time
from datetime import datetime
from threading import Event, Thread

import pytest
from flask import Flask

from fleet.config import Settings
from fleet.jobs import run as scheduling
from fleet.jobs.table import Job, Tools
from fleet.metrics import snapshot, values
from tests.support.nobody import nobody
from tests.support.waiting import wait_until


def value(sample: str, job: str) -> float:
    return values(snapshot(), sample).get((("name", job),), 0)


def test_jobs_are_counted_timed_and_known_by_when_they_last_ended_well(
    worker: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(_tools: Tools, _now: datetime) -> None:
        raise RuntimeError("no")

    jobs = (Job("walk", 0.05, lambda _tools, _now: None), Job("stumble", 0.05, stumble))
    monkeypatch.setattr(scheduling, "JOBS", jobs)
    stop, began = Event(), time.time()
    thread = Thread(target=scheduling.run_schedule, args=(worker, nobody(settings), stop))
    thread.start()
    try:
        wait_until(lambda: value("wardfleet_job_failures_total", "stumble") >= 2)
        wait_until(lambda: value("wardfleet_job_seconds_count", "walk") >= 2)
    finally:
        stop.set()
        thread.join()
    last = "wardfleet_job_last_success_timestamp_seconds"
    assert began <= value(last, "walk") <= time.time()
    assert value(last, "stumble") == 0
    assert value("wardfleet_job_failures_total", "walk") == 0
