"""Fault 14: a last will that comes late, after the device is back.

Invariant: the device stays online, and no change and no alert is on record.
"""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from flask import Flask
from sqlalchemy import select

from fleet.ingest.consumer import Consumer
from fleet.ingest.run import run_ingest
from fleet.store.clock import service_clock
from fleet.store.database import db
from fleet.store.models import Alert, Transition
from tests.support import mqtt5
from tests.support.broker import Broker
from tests.support.hospital import build_hospital, reading, state, telemetry
from tests.support.waiting import wait_until

UP = "fleet/v1/up/cart-001/"
Drop = Callable[[], None]


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def ingest(worker: Flask, fresh_broker: Broker) -> Iterator[None]:
    """The real one, in a thread; this test has its database before its eyes."""
    with worker.app_context():
        build_hospital(now=datetime.now(UTC))
        stop, consumer = Event(), Consumer(fresh_broker.url, "ingest", service_clock().reckoned)
        thread = Thread(target=run_ingest, args=(worker, consumer, lambda acks: None, stop))
        thread.start()
        wait_until(lambda: consumer.is_listening)
        yield
        stop.set()
        thread.join()


@pytest.fixture
def device(fresh_broker: Broker) -> Iterator[mqtt.Client]:
    """Speaks for cart-001, and hears what is said of its state."""
    heard: list[dict[str, Any]] = []
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "cart-001", userdata=heard)
    client.on_message = lambda _client, said, message: said.append(json.loads(message.payload))
    client.connect("127.0.0.1", fresh_broker.port)
    client.subscribe(UP + "state", qos=1)
    client.loop_start()
    yield client
    client.disconnect()
    client.loop_stop()


@contextmanager
def connection(broker: Broker, session: int) -> Iterator[Drop]:
    """One whose will the broker speaks as soon as it is dropped."""
    words = json.dumps({"online": False, "session": session, "boot": 1}).encode()
    with socket.create_connection(("127.0.0.1", broker.port), timeout=5) as wire:
        will = mqtt5.Will(UP + "state", words, delay_s=0)
        wire.sendall(mqtt5.connect(f"session-{session}", will, 0, 60))
        (connack,) = mqtt5.packets(bytearray(wire.recv(1_000)))
        assert mqtt5.is_accepted(connack)
        yield wire.close


def say(device: mqtt.Client, channel: str, body: object) -> None:
    device.publish(UP + channel, json.dumps(body), qos=1).wait_for_publish(5)


@pytest.mark.usefixtures("ingest")
def test_the_will_of_an_earlier_session_that_comes_late_is_passed_over(
    fresh_broker: Broker, device: mqtt.Client
) -> None:
    with connection(fresh_broker, 1) as drop_the_first, connection(fresh_broker, 2) as drop:
        say(device, "birth", {"v": 1, "boot": 1, "session": 2})
        say(device, "telemetry", telemetry(reading(1, at=datetime.now(UTC))))
        wait_until(lambda: state().online and state().session == 2)

        drop_the_first()
        wait_until(lambda: {"online": False, "session": 1, "boot": 1} in device.user_data_get())
        say(device, "telemetry", telemetry(reading(2, at=datetime.now(UTC))))
        wait_until(lambda: state().seq == 2)  # said after the will, and heard after it
        assert state().online
        query = select(Transition.new).where(Transition.aspect == "availability")
        assert list(db.session.scalars(query)) == ["available"]
        assert list(db.session.scalars(select(Alert.kind))) == []

        drop()  # and this is what the will of the session that is on does
        wait_until(lambda: not state().online)
        assert state().availability == "unknown"
