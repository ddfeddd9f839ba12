"""What waits in the outbox is said once somebody has taken it, and jobs outlive their faults."""

import logging
import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

import paho.mqtt.client as mqtt
import pytest
from flask import Flask
from sqlalchemy import select

from fleet.config import Settings
from fleet.dispatch import speak as speaking
from fleet.dispatch.publisher import Publisher
from fleet.dispatch.speak import speak
from fleet.jobs import run as scheduling
from fleet.jobs.table import Job
from fleet.store.database import db, transaction
from fleet.store.models import OutboxMessage
from tests.support.broker import Broker
from tests.support.nobody import nobody
from tests.support.waiting import wait_until

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SOON = NOW + timedelta(minutes=1)


@pytest.fixture
def publisher(fresh_broker: Broker) -> Iterator[Publisher]:
    publisher = Publisher(fresh_broker.url, "test-speaker")
    publisher.start()
    wait_until(lambda: publisher.is_connected)
    yield publisher
    publisher.stop()


@pytest.fixture
def heard(fresh_broker: Broker) -> Iterator[list[bytes]]:
    """What a device would hear."""
    heard: list[bytes] = []
    subscribed = Event()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "test-listener")
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_message = lambda _client, _data, message: heard.append(message.payload)
    client.connect("127.0.0.1", fresh_broker.port)
    client.subscribe("fleet/v1/down/#", qos=1)
    client.loop_start()
    assert subscribed.wait(10)
    yield heard
    client.disconnect()
    client.loop_stop()


def leave(app: Flask, *payloads: bytes, expires_at: datetime | None = None) -> None:
    with app.app_context(), transaction() as session:
        for payload in payloads:
            session.add(
                OutboxMessage(
                    topic="fleet/v1/down/cart-001/command",
                    payload=payload,
                    created_at=NOW,
                    expires_at=expires_at,
                )
            )


def waiting(app: Flask) -> list[bytes]:
    with app.app_context():
        return list(db.session.scalars(select(OutboxMessage.payload).order_by(OutboxMessage.id)))


def test_what_waits_is_spoken_in_its_order_and_then_gone(
    worker: Flask, publisher: Publisher, heard: list[bytes]
) -> None:
    leave(worker, b"one", b"two", b"three")
    with worker.app_context():
        assert speak(publisher, NOW) == 3
    assert waiting(worker) == []
    wait_until(lambda: heard == [b"one", b"two", b"three"])


def test_what_has_expired_is_dropped_unspoken(
    worker: Flask, publisher: Publisher, heard: list[bytes]
) -> None:
    leave(worker, b"stale", expires_at=NOW)
    leave(worker, b"fresh", expires_at=SOON)
    with worker.app_context():
        speak(publisher, NOW)
    assert waiting(worker) == []
    wait_until(lambda: heard)
    assert heard == [b"fresh"]


@pytest.mark.timeout(30)
def test_what_the_broker_has_not_taken_stays_and_is_not_waited_for_one_by_one(
    worker: Flask,
    fresh_broker: Broker,
    publisher: Publisher,
    heard: list[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(speaking, "PATIENCE_S", 0.5)
    said = [b"%d" % n for n in range(100)]
    leave(worker, *said)
    os.kill(fresh_broker.pid, signal.SIGSTOP)  # it holds its connections and takes nothing
    try:
        with worker.app_context():
            assert speak(publisher, NOW) == 0
        assert waiting(worker) == said
    finally:
        os.kill(fresh_broker.pid, signal.SIGCONT)
    with worker.app_context():
        assert speak(publisher, NOW) == 100
    assert waiting(worker) == []
    wait_until(lambda: set(heard) == set(said))


def test_without_a_broker_everything_stays(worker: Flask, fresh_broker: Broker) -> None:
    leave(worker, b"one")
    publisher = Publisher(fresh_broker.url, "test-never-connected")
    with worker.app_context():
        assert speak(publisher, NOW) == 0
    assert waiting(worker) == [b"one"]


def test_a_job_that_fails_is_logged_by_name_and_runs_again(
    worker: Flask,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    runs, thrice, stop = [], Event(), Event()

    def fail(*_: object) -> None:
        runs.append(1)
        if len(runs) == 3:
            thrice.set()
        raise RuntimeError("no")

    monkeypatch.setattr(scheduling, "JOBS", (Job("stumble", 0.05, fail),))
    with caplog.at_level(logging.ERROR):
        thread = Thread(target=scheduling.run_schedule, args=(worker, nobody(settings), stop))
        thread.start()
        assert thrice.wait(10)
        stop.set()
        thread.join()
    # By our own words: what escapes a job is reported by the scheduler, which knows no names.
    assert {record.name for record in caplog.records} == {"fleet.jobs.run"}
    assert "job stumble failed; it runs again in 0.05 s" in caplog.text
