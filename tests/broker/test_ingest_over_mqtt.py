"""Ingest and dispatch over a real broker."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from flask import Flask
from sqlalchemy import func, select

from fleet.dispatch.acks import ack_packets
from fleet.dispatch.publisher import Publisher
from fleet.dispatch.speak import speak
from fleet.ingest.batch import Inbound
from fleet.ingest.consumer import Consumer
from fleet.ingest.run import run_ingest
from fleet.simulator.fleet import Fleet
from fleet.simulator.roster import demo_roster
from fleet.store.database import db
from fleet.store.models import DeviceState, OutboxMessage, Reading
from fleet.store.types import to_ms
from fleet.wire import topics
from tests.support.broker import Broker
from tests.support.hospital import build_hospital, reading, telemetry
from tests.support.waiting import wait_until


@pytest.fixture
def worker(sqlite_url: str, tmp_path: Path) -> Flask:
    from fleet import create_worker
    from fleet.config import Settings

    app = create_worker(
        Settings.from_env(
            {"FLEET_DATABASE_URL": sqlite_url, "FLEET_DATA_DIR": str(tmp_path / "data")}
        )
    )
    with app.app_context():
        build_hospital(now=datetime.now(UTC))
    return app


def this_moment() -> datetime:
    return datetime.now(UTC)


@contextmanager
def ingesting(app: Flask, broker: Broker) -> Iterator[None]:
    stop, consumer = Event(), Consumer(broker.url, "test-ingest", this_moment)
    thread = Thread(
        target=run_ingest,
        args=(app, consumer, lambda acks: consumer.write(ack_packets(acks.items())), stop),
    )
    thread.start()
    try:
        wait_until(lambda: consumer.is_listening)
        yield
    finally:
        stop.set()
        thread.join()


def connect(consumer: Consumer) -> None:
    consumer.start()
    wait_until(lambda: consumer.is_listening)


@pytest.fixture
def device(fresh_broker: Broker) -> Iterator[mqtt.Client]:
    """A bare MQTT client that speaks for `cart-001`; what it hears is in its user data."""
    heard: list[tuple[str, Any]] = []
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "cart-001", userdata=heard)
    client.on_connect = lambda c, *_: c.subscribe("fleet/v1/down/cart-001/#", qos=1)
    client.on_message = lambda _c, said, m: said.append((m.topic, json.loads(m.payload)))
    client.connect("127.0.0.1", fresh_broker.port)
    client.loop_start()
    wait_until(client.is_connected)
    yield client
    client.disconnect()
    client.loop_stop()


def readings_stored(app: Flask) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(Reading)) or 0


def publish(device: mqtt.Client, *seqs: int) -> None:
    now = datetime.now(UTC)
    body = telemetry(*[reading(seq, at=now) for seq in seqs])
    device.publish("fleet/v1/up/cart-001/telemetry", json.dumps(body), qos=1).wait_for_publish(5)


def test_the_ack_to_the_device_names_what_is_in_the_database(
    worker: Flask, fresh_broker: Broker, device: mqtt.Client
) -> None:
    with ingesting(worker, fresh_broker):
        publish(device, 1, 2, 3, 7)
        acks = wait_until(lambda: [b for t, b in device.user_data_get() if t.endswith("/ack")])
        assert acks == [{"v": 1, "boot": 1, "ranges": [[1, 3], [7, 7]]}]
        assert readings_stored(worker) == 4


def test_an_agent_sends_again_what_a_dead_ingest_took_with_it(
    worker: Flask, fresh_broker: Broker, tmp_path: Path
) -> None:
    roster = demo_roster(wards=1, carts=1, tablets=0)
    fleet = Fleet(roster, fresh_broker.url, tmp_path / "fleet", speed=0, interval_s=1)
    stop = Event()
    thread = Thread(target=fleet.run, args=(stop,))
    doomed = Consumer(fresh_broker.url, "doomed", this_moment)
    connect(doomed)
    thread.start()
    try:
        lost: list[Inbound] = []

        def hears_telemetry() -> bool:
            lost.extend(m for m in doomed.receive(0.1) if m.topic.endswith("/telemetry"))
            return bool(lost)

        wait_until(hears_telemetry)
        doomed.stop()  # as a crash between receive and commit would leave it: nothing settled
        assert readings_stored(worker) == 0
        with ingesting(worker, fresh_broker):
            seqs = {r["seq"] for m in lost for r in json.loads(m.payload)["readings"]}

            def all_there() -> bool:
                with worker.app_context():
                    return seqs <= set(db.session.scalars(select(Reading.seq)))

            wait_until(all_there, timeout=30)
    finally:
        stop.set()
        thread.join()


def test_two_that_listen_share_the_messages_and_no_message_goes_to_both(
    fresh_broker: Broker, device: mqtt.Client
) -> None:
    both = [Consumer(fresh_broker.url, f"consumer-{n}", this_moment) for n in range(2)]
    for consumer in both:
        connect(consumer)
    heard: list[list[Inbound]] = [[], []]
    for seq in range(1, 21):
        publish(device, seq)

    def all_of_them() -> bool:
        for consumer, messages in zip(both, heard, strict=True):
            messages.extend(consumer.receive(0.05))
        return sum(map(len, heard)) >= 20

    wait_until(all_of_them)
    for consumer in both:
        consumer.stop()
    seqs = [json.loads(m.payload)["readings"][0]["seq"] for ms in heard for m in ms]
    assert sorted(seqs) == list(range(1, 21))
    assert all(heard)


def test_a_device_that_was_born_while_nobody_listened_is_asked_for_its_birth(
    worker: Flask, fresh_broker: Broker, device: mqtt.Client
) -> None:
    speaker = Publisher(fresh_broker.url, "test-speaker")
    speaker.start()
    with ingesting(worker, fresh_broker):
        publish(device, 1)

        def asked() -> bool:
            with worker.app_context():
                speak(speaker, datetime.now(UTC))
            return any(topic.endswith("/rebirth") for topic, _ in device.user_data_get())

        wait_until(asked)
    speaker.stop()


def test_a_message_that_waited_in_the_broker_counts_from_when_it_was_said(
    fresh_broker: Broker, device: mqtt.Client
) -> None:
    consumer = Consumer(fresh_broker.url, "consumer", this_moment)
    connect(consumer)
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    for sent_at in (an_hour_ago, datetime.now(UTC)):
        beat = json.dumps({"sent_ms": to_ms(sent_at)})
        device.publish(topics.HEARTBEAT, beat, qos=1).wait_for_publish(5)
        publish(device, 1)
    heard: list[Inbound] = []

    def all_four() -> bool:
        heard.extend(consumer.receive(0.1))
        return len(heard) >= 4

    wait_until(all_four)
    consumer.stop()
    waited, fresh = [h.received_at for h in heard if h.topic.endswith("/telemetry")]
    assert abs(waited - an_hour_ago) < timedelta(seconds=30)
    assert datetime.now(UTC) - fresh < timedelta(seconds=30)


def test_a_megabyte_is_not_kept_in_memory_and_still_known_by_its_size(
    fresh_broker: Broker, device: mqtt.Client
) -> None:
    consumer = Consumer(fresh_broker.url, "consumer", this_moment)
    connect(consumer)
    device.publish("fleet/v1/up/cart-001/telemetry", b"x" * 1_000_000, qos=1)
    [heard] = wait_until(lambda: consumer.receive(0.1))
    consumer.stop()
    assert (len(heard.payload), heard.size) == (2_048, 1_000_000)


def test_a_restarted_broker_is_found_again(
    worker: Flask, fresh_broker: Broker, device: mqtt.Client
) -> None:
    with ingesting(worker, fresh_broker):
        publish(device, 1)
        wait_until(lambda: readings_stored(worker) == 1)
        fresh_broker.restart()
        wait_until(device.is_connected, timeout=20)

        def arrives() -> bool:
            publish(device, 2)
            return readings_stored(worker) == 2

        wait_until(arrives, timeout=20, interval=0.2)


def test_rubbish_between_two_readings_stops_nothing(
    worker: Flask, fresh_broker: Broker, device: mqtt.Client
) -> None:
    with ingesting(worker, fresh_broker):
        publish(device, 1)
        device.publish("fleet/v1/up/cart-001/telemetry", b"\x00" * 1_000_000, qos=1)
        publish(device, 2)
        wait_until(lambda: readings_stored(worker) == 2)


def test_a_simulated_cart_applies_its_profile_and_is_compliant(
    worker: Flask, fresh_broker: Broker, tmp_path: Path
) -> None:
    roster = demo_roster(wards=1, carts=1, tablets=0)
    publisher = Publisher(fresh_broker.url, "test-speaker")
    publisher.start()
    fleet = Fleet(roster, fresh_broker.url, tmp_path / "fleet", speed=0, interval_s=1)
    stop = Event()
    thread = Thread(target=fleet.run, args=(stop,))
    with ingesting(worker, fresh_broker):
        thread.start()

        def applied() -> bool:
            with worker.app_context():
                speak(publisher, datetime.now(UTC))
                state = db.session.scalars(select(DeviceState)).first()
                system = state.system if state else {}
                waiting = db.session.scalar(select(func.count()).select_from(OutboxMessage))
                # cart-002 is registered too, and nobody simulates it.
                return system.get("profile_generation") == 1 and not waiting

        wait_until(applied, timeout=20, interval=0.1)
        wait_until(lambda: fleet.agents["cart-001"].unacked == 0)
        stop.set()
        thread.join()
    publisher.stop()
