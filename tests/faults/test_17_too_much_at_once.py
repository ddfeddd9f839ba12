"""Fault 17: an oversized packet, a batch of 10,000 samples. Memory bounded, the device told."""

import json
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest

from fleet.broker import mosquitto_command
from fleet.config import Settings
from fleet.wire.messages import MAX_MESSAGE_BYTES
from tests.faults.conftest import Stage
from tests.faults.generator import Line
from tests.faults.service import Process, memory_mb
from tests.support.hospital import NOON, telemetry
from tests.support.processes import answers, free_port, start, stop
from tests.support.waiting import wait_until

GROWTH_MB = 60
LARGEST_ACK = 256 * 1024
PACKET_TOO_LARGE = 149


class Cart:
    """What one device says and is told, over a line of its own."""

    def __init__(self, url: str, name: str) -> None:
        self.kept: set[int] = set()
        self.refused: set[int] = set()
        self.largest_ack = 0
        self._topic = f"fleet/v1/up/{name}/telemetry"
        self._line = Line(url, lambda topic, ack: self._hear(ack) if name in topic else None)
        self._line.wait_until(lambda: self._line.is_ready)

    def say(self, payload: bytes) -> None:
        self._line.publish(self._topic, payload)

    def say_for_certain(self, *payloads: bytes) -> None:
        """Returns when the broker has taken them."""
        for payload in payloads:
            self.say(payload)
        self._line.wait_until(lambda: self._line.is_confirmed)

    def hears_refused(self, numbers: set[int]) -> None:
        self._line.wait_until(lambda: self.refused == numbers, timeout=60)

    def is_heard(self, seq: int) -> None:
        """Reading `seq` is acked; said again until ingest is there."""

        def heard() -> bool:
            self.say(json.dumps(telemetry({"seq": seq, "ts": NOON.isoformat()})).encode())
            self._line.turn()
            return seq in self.kept

        wait_until(heard, timeout=60, interval=0.1, what=f"reading {seq} to be acked")

    def _hear(self, payload: bytes) -> None:
        ack = json.loads(payload)
        self.largest_ack = max(self.largest_ack, len(payload))
        self.kept.update(seq for seq, _ in ack["ranges"])
        self.refused.update(refusal["seq"] for refusal in ack.get("refused", ()))


@pytest.fixture
def ingest(stage: Stage) -> Process:
    return stage.service.ingest()


@pytest.fixture
def cart(stage: Stage, ingest: Process) -> Cart:
    cart = Cart(stage.broker.url, stage.devices[0])
    cart.is_heard(1)
    return cart


@pytest.mark.suite_on("sqlite")
@pytest.mark.parametrize("sample", ['{"seq":%d,"ts":"2026-11-24T06:15:04Z"}', '{"seq":%d}'])
def test_each_of_too_many_samples_is_refused_by_number_and_others_are_served(
    stage: Stage, ingest: Process, cart: Cart, sample: str
) -> None:
    """Of the smallest, three messages in one batch hold so many that one answer to them all would
    be too large for the broker."""
    numbers = range(100_001, 100_001 + (MAX_MESSAGE_BYTES - 100) // (len(sample) + 5))
    assert len(numbers) >= 10_000
    samples = ",".join(sample % number for number in numbers)
    message = f'{{"v":1,"boot":1,"readings":[{samples}]}}'
    before_mb = memory_mb(ingest)
    ingest.send_signal(signal.SIGSTOP)
    cart.say_for_certain(*[message.encode()] * 3)
    ingest.send_signal(signal.SIGCONT)
    cart.hears_refused(set(numbers))
    assert cart.largest_ack < LARGEST_ACK
    assert memory_mb(ingest) < before_mb + GROWTH_MB
    Cart(stage.broker.url, stage.devices[1]).is_heard(2)


@pytest.mark.suite_on("sqlite")
def test_a_flood_of_megabytes_is_not_held_in_memory(
    stage: Stage, ingest: Process, cart: Cart
) -> None:
    """From a broker that lets them pass."""
    before_mb = memory_mb(ingest)
    for _ in range(100):
        cart.say(b"\x00" * 1_500_000)
    cart.is_heard(2)
    assert memory_mb(ingest) < before_mb + GROWTH_MB


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Settings]:
    """The Mosquitto that `fleet up` starts."""
    port = free_port()
    settings = Settings.from_env(
        {"FLEET_DATA_DIR": str(tmp_path / "own"), "FLEET_MQTT_PORT": str(port)}
    )
    settings.make_data_dir()
    settings.pki.make(settings.server_names(), datetime.now(UTC))
    process = start(mosquitto_command(settings))
    wait_until(lambda: answers(port))
    yield settings
    stop(process)


def test_our_broker_tells_a_device_what_is_too_large_for_it(own_broker: Settings) -> None:
    """In its CONNACK, and a device that does not care is told why it is disconnected."""
    told: dict[str, Any] = {}
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.on_connect = lambda _c, _u, _f, _r, properties: told.update(properties.json())
    client.on_disconnect = lambda _c, _u, _f, reason, _p: told.update(reason=reason.value)
    client.on_publish = lambda *_: told.update(taken=told.get("taken", 0) + 1)
    tls = own_broker.mqtt_tls("ingest")
    assert tls
    client.tls_set_context(tls.context())
    client.connect("127.0.0.1", own_broker.mqtt_port)
    client.loop_start()
    wait_until(lambda: "MaximumPacketSize" in told)
    topic = "fleet/v1/up/cart-001/telemetry"
    client.publish(topic, b"x" * MAX_MESSAGE_BYTES, qos=1)
    wait_until(lambda: told.get("taken") == 1, what="the largest message allowed to be taken")
    client.publish(topic, b"x" * told["MaximumPacketSize"], qos=1)
    wait_until(lambda: told.get("reason") == PACKET_TOO_LARGE)
    client.loop_stop()
    assert told["MaximumPacketSize"] <= MAX_MESSAGE_BYTES + 1_024
