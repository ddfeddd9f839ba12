"""Controls 7 to 10: what a device that was let in may say and hear."""

import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from flask import Flask
from sqlalchemy import select

from fleet import create_worker
from fleet.dispatch.acks import ack_packets
from fleet.dispatch.publisher import Publisher
from fleet.ingest.consumer import Consumer
from fleet.ingest.run import run_ingest
from fleet.pki.folder import service_name
from fleet.store.database import db
from fleet.store.models import Device, QuarantinedMessage, Reading
from fleet.wire import topics
from tests.support.hospital import build_hospital, reading, telemetry
from tests.support.secured import Secured
from tests.support.waiting import wait_until

NOT_AUTHORIZED = 0x87

Connect = Callable[..., "Voice"]


class Voice:
    """A bare MQTT 5 client; what it hears and what it is told."""

    def __init__(self, port: int, context: ssl.SSLContext, client_id: str) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.told: dict[int, int] = {}
        """Packet number -> reason of its PUBACK."""
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id, protocol=mqtt.MQTTv5)
        client.tls_set_context(context)
        client.on_message = lambda _c, _u, m: self.heard.append((m.topic, m.payload))
        client.on_publish = lambda _c, _u, mid, reason, _p: self.told.update({mid: reason.value})
        client.connect("127.0.0.1", port)
        client.loop_start()
        wait_until(client.is_connected)
        self.client = client

    def say(self, topic: str, body: Any) -> int:
        """The reason in the broker's PUBACK."""
        mid = self.client.publish(topic, json.dumps(body), qos=1).mid
        wait_until(lambda: mid in self.told)
        return self.told[mid]

    def report(self, as_device: str, seq: int, **extra: Any) -> int:
        body = telemetry(reading(seq, at=datetime.now(UTC)), **extra)
        return self.say(f"fleet/v1/up/{as_device}/telemetry", body)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def connect(secured: Secured) -> Iterator[Connect]:
    """A device by its certificate, whatever it calls itself."""
    with ExitStack() as stack:

        def connect(device_id: str, *, calls_itself: str | None = None) -> Voice:
            context = secured.device(device_id).context()
            voice = Voice(secured.port, context, calls_itself or device_id)
            stack.callback(voice.close)
            return voice

        yield connect


@pytest.fixture
def worker(secured: Secured) -> Iterator[Flask]:
    app = create_worker(secured.settings)
    with app.app_context():
        build_hospital(carts=2, now=datetime.now(UTC))
    yield app
    with app.app_context():
        db.engine.dispose()


@contextmanager
def ingesting(app: Flask, secured: Secured) -> Iterator[Consumer]:
    stop = Event()
    consumer = Consumer(
        secured.url, "ingest", lambda: datetime.now(UTC), secured.settings.mqtt_tls("ingest")
    )
    thread = Thread(
        target=run_ingest,
        args=(app, consumer, lambda acks: consumer.write(ack_packets(acks.items())), stop),
    )
    thread.start()
    try:
        wait_until(lambda: consumer.is_listening)
        yield consumer
    finally:
        stop.set()
        thread.join()


def readings_of(app: Flask, device_id: str) -> set[int]:
    with app.app_context():
        mine = select(Reading.seq).join(Device, Device.id == Reading.device_pk)
        return set(db.session.scalars(mine.where(Device.device_id == device_id)))


def test_control_07_a_device_that_speaks_as_another_is_refused_and_leaves_no_row(
    secured: Secured, worker: Flask, connect: Connect
) -> None:
    first = connect("cart-001")
    with ingesting(worker, secured):
        assert first.report("cart-002", 1) == NOT_AUTHORIZED
        assert first.say("fleet/v1/down/cart-001/desired", {}) == NOT_AUTHORIZED
        assert first.say(topics.HEARTBEAT, {}) == NOT_AUTHORIZED
        assert first.report("cart-001", 2) == 0
        wait_until(lambda: readings_of(worker, "cart-001") == {2})
    assert readings_of(worker, "cart-002") == set()
    with worker.app_context():
        assert db.session.scalars(select(QuarantinedMessage)).all() == []


def test_control_08_a_device_hears_what_is_said_to_it_and_nothing_else(
    secured: Secured, connect: Connect
) -> None:
    """Mosquitto answers "granted" to a SUBSCRIBE that it denies: what counts is what arrives."""
    curious, other = connect("cart-001"), connect("cart-002")
    for wanted in ("#", "fleet/#", "fleet/v1/down/+/#", "fleet/v1/up/cart-002/#", "$SYS/#",
                   topics.SHARED_UP_FILTER, topics.HEARTBEAT):  # fmt: skip
        curious.client.subscribe(wanted, qos=1)
    service = Publisher(secured.url, "schedule", secured.settings.mqtt_tls("schedule"))
    service.start()
    wait_until(lambda: service.is_connected)
    assert other.report("cart-002", 1) in (0, 0x10)
    said = [topics.down("cart-002", "desired"), topics.HEARTBEAT, topics.down("cart-001", "ack")]
    assert all(service.publish(topic, b"{}", retain=True).wait(5) for topic in said)
    wait_until(lambda: curious.heard)
    assert {topic for topic, _ in curious.heard} == {"fleet/v1/down/cart-001/ack"}
    late = connect("cart-001", calls_itself="cart-002")
    late.client.subscribe("#", qos=1)
    wait_until(lambda: late.heard)
    assert {topic for topic, _ in late.heard} == {"fleet/v1/down/cart-001/ack"}
    service.stop()


def test_control_09_a_device_that_takes_the_services_client_id_evicts_nobody(
    secured: Secured, worker: Flask, connect: Connect
) -> None:
    with ingesting(worker, secured) as consumer:
        honest = connect("cart-002")
        thief = connect("cart-001", calls_itself=service_name("ingest"))
        again = connect("cart-003", calls_itself="cart-002")
        assert thief.report("cart-001", 1) == 0
        assert again.report("cart-001", 9) == NOT_AUTHORIZED
        assert honest.report("cart-002", 2) == 0
        wait_until(lambda: readings_of(worker, "cart-002") == {2})
        wait_until(lambda: readings_of(worker, "cart-001") == {1})
        assert consumer.is_listening
        assert honest.client.is_connected()


def test_control_10_a_body_that_names_another_device_than_its_topic_is_quarantined(
    secured: Secured, worker: Flask, connect: Connect
) -> None:
    with ingesting(worker, secured):
        liar = connect("cart-001")
        assert liar.report("cart-001", 1, device_id="cart-002") == 0
        assert liar.say("fleet/v1/up/cart-001/telemetry", half_good("cart-002")) == 0

        def quarantined() -> list[str]:
            with worker.app_context():
                return list(db.session.scalars(select(QuarantinedMessage.reason)))

        wait_until(lambda: len(quarantined()) == 2)
        assert quarantined() == 2 * ["device_id: expected the topic's, `cart-001`"]
    assert readings_of(worker, "cart-001") | readings_of(worker, "cart-002") == set()


def half_good(as_device: str) -> dict[str, Any]:
    """One of its readings cannot be accepted: the others are, if the rest is in order."""
    now = datetime.now(UTC)
    return telemetry(reading(2, at=now), reading(3, soc=101, at=now), device_id=as_device)
