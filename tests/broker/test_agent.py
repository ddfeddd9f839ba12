"""Real agents on a real Mosquitto; the test is the service on the other side."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from fleet.device.run import run_agent
from fleet.simulator.fleet import Fleet, run_fleet
from fleet.simulator.roster import demo_roster
from fleet.wire import topics
from fleet.wire.digest import document_sha256
from fleet.wire.messages import (
    Ack,
    Birth,
    Desired,
    DesiredDocument,
    ProfileName,
    Reported,
    State,
    Telemetry,
    encode,
)
from tests.support.agents import running
from tests.support.broker import Broker
from tests.support.waiting import wait_until

CART = "cart-001"


class Service:
    """Hears every device, decodes as strictly as the real one, and acks if it is told to."""

    def __init__(self, url: str, *, acks: bool = True, only: str = "+") -> None:
        self.acks = acks
        self.births: list[tuple[str, Birth]] = []
        self.states: list[tuple[str, State]] = []
        self.reports: list[tuple[str, Reported]] = []
        self.telemetry: list[tuple[str, Telemetry]] = []
        self.faults: list[str] = []
        where = urlsplit(url)
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.on_message = self._on_message
        self._client.on_connect = lambda c, *_: c.subscribe(f"fleet/v1/up/{only}/#", qos=1)
        self._client.reconnect_delay_set(1, 1)
        assert where.hostname
        self._client.connect(where.hostname, where.port or 1883)
        self._client.loop_start()
        wait_until(self._client.is_connected)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def say(self, device_id: str, channel: str, payload: bytes, *, retain: bool = False) -> None:
        self._client.publish(topics.down(device_id, channel), payload, qos=1, retain=retain)

    def states_of(self, device_id: str) -> list[State]:
        return [state for sender, state in self.states if sender == device_id]

    def seqs(self) -> set[int]:
        return {reading.seq for _, telemetry in self.telemetry for reading in telemetry.readings}

    def online(self) -> set[str]:
        latest = dict(self.states)
        return {device_id for device_id, state in latest.items() if state.online}

    def _on_message(self, client: Client, userdata: Any, message: MQTTMessage) -> None:
        try:
            self._take(message)
        except Exception as error:  # noqa: BLE001 - the fixture fails the test with it
            self.faults.append(f"{message.topic}: {error}")

    def _take(self, message: MQTTMessage) -> None:
        sender = topics.parse_up(message.topic)
        assert sender
        kinds: dict[str, tuple[type, list[Any]]] = {
            "birth": (Birth, self.births),
            "state": (State, self.states),
            "reported": (Reported, self.reports),
            "telemetry": (Telemetry, self.telemetry),
        }
        kind, heard = kinds[sender.channel]
        said = msgspec.json.decode(message.payload, type=kind)
        heard.append((sender.device_id, said))
        if self.acks and isinstance(said, Telemetry):
            seqs = [reading.seq for reading in said.readings]
            ack = Ack(1, said.boot, [(min(seqs), max(seqs))])
            self.say(sender.device_id, "ack", encode(ack))


Listen = Callable[..., Service]
Start = Callable[..., Fleet]


@pytest.fixture
def listen(fresh_broker: Broker) -> Iterator[Listen]:
    services: list[Service] = []

    def listen(**options: Any) -> Service:
        services.append(Service(fresh_broker.url, **options))
        return services[-1]

    yield listen
    for service in services:
        service.close()
        assert service.faults == []


@pytest.fixture
def start(fresh_broker: Broker, tmp_path: Path) -> Iterator[Start]:
    """Starts a fleet of so many carts, whose life stands still, for the length of the test."""
    with ExitStack() as stack:

        def start(carts: int = 1, **options: Any) -> Fleet:
            roster = demo_roster(wards=1, carts=carts, tablets=0)
            options = {"speed": 0, "interval_s": 1} | options
            fleet = Fleet(roster, fresh_broker.url, tmp_path / "fleet", **options)
            return stack.enter_context(running(fleet))

        yield start


def test_every_device_is_born_online_reported_and_measured(listen: Listen, start: Start) -> None:
    service = listen()
    fleet = start(carts=8)
    wait_until(lambda: len({sender for sender, _ in service.telemetry}) == 8)
    assert {sender for sender, _ in service.births} == set(fleet.hardware)
    assert {sender for sender, _ in service.reports} == set(fleet.hardware)
    assert service.online() == set(fleet.hardware)


def test_an_acked_reading_is_not_sent_again(listen: Listen, start: Start) -> None:
    service = listen()
    start()
    wait_until(lambda: len(service.telemetry) >= 4)
    seqs = [reading.seq for _, telemetry in service.telemetry for reading in telemetry.readings]
    assert seqs == sorted(set(seqs))


def test_without_an_ack_a_reading_comes_again(listen: Listen, start: Start) -> None:
    service = listen(acks=False)
    start(interval_s=60, ack_timeout_s=0.3)
    wait_until(lambda: len(service.telemetry) >= 3)
    assert {t.readings[0].seq for _, t in service.telemetry} == {1}


def test_readings_of_an_earlier_run_come_with_their_own_boot(
    listen: Listen, fresh_broker: Broker, tmp_path: Path
) -> None:
    deaf = listen(acks=False)
    roster = demo_roster(wards=1, carts=1, tablets=0)
    options: dict[str, Any] = {"speed": 0, "interval_s": 60}
    with running(Fleet(roster, fresh_broker.url, tmp_path / "fleet", **options)):
        wait_until(lambda: deaf.telemetry)
    (_, unheard), *_ = deaf.telemetry
    service = listen()
    with running(Fleet(roster, fresh_broker.url, tmp_path / "fleet", **options)):
        wait_until(lambda: len(service.telemetry) >= 2)
    (_, fresh), (_, late), *_ = service.telemetry
    assert (late.boot, late.readings) == (unheard.boot, unheard.readings)
    # The uptime now tells the age of readings of this boot, and nothing about an earlier one's.
    assert (unheard.uptime_s is None, late.uptime_s is None) == (False, True)
    assert fresh.boot == late.boot + 1


def test_nothing_is_lost_when_the_broker_is_killed(
    listen: Listen, start: Start, fresh_broker: Broker
) -> None:
    service = listen()
    start()
    wait_until(lambda: service.telemetry)
    fresh_broker.kill()
    fresh_broker.start()
    births = len(service.births)
    wait_until(lambda: len(service.births) > births, timeout=20)
    down = max(service.seqs())

    def everything_came() -> bool:
        seqs = service.seqs()
        return max(seqs) > down + 2 and seqs == set(range(1, max(seqs) + 1))

    wait_until(everything_came, timeout=20)


def test_a_device_that_vanishes_is_called_offline_by_the_broker(
    listen: Listen, start: Start
) -> None:
    service = listen()
    fleet = start(will_delay_s=1)
    wait_until(lambda: service.online() == {CART})
    online = service.states_of(CART)[-1]
    fleet.hardware[CART].go_silent()
    wait_until(lambda: service.online() == set())
    assert service.states_of(CART)[-1] == State(False, online.session, online.boot)


def test_a_device_that_is_back_in_time_was_never_offline(listen: Listen, start: Start) -> None:
    service = listen()
    fleet = start(will_delay_s=30)
    wait_until(lambda: service.telemetry)
    born = len(service.births)
    fleet.hardware[CART].go_silent()
    wait_until(lambda: not fleet.agents[CART].is_connected)
    fleet.hardware[CART].come_back()
    wait_until(lambda: len(service.births) > born and len(service.states) > born, timeout=20)
    assert all(state.online for state in service.states_of(CART))
    sessions = [state.session for state in service.states_of(CART)]
    assert sessions == sorted(set(sessions))


def test_what_was_measured_out_of_range_comes_when_it_is_back(listen: Listen, start: Start) -> None:
    service = listen()
    fleet = start()
    wait_until(lambda: service.telemetry)
    fleet.hardware[CART].go_silent()
    wait_until(lambda: not fleet.agents[CART].is_connected)
    heard = len(service.telemetry)
    fleet.hardware[CART].set_soc(33)
    wait_until(lambda: fleet.agents[CART].unacked >= 2)
    fleet.hardware[CART].come_back()
    wait_until(lambda: len(service.telemetry) > heard, timeout=20)
    _, newest = service.telemetry[heard]
    assert [reading.batteries[0].soc_pct for reading in newest.readings] == [33]
    measured = set(range(1, newest.readings[0].seq + 1))
    wait_until(lambda: service.seqs() >= measured)


def test_a_clean_stop_leaves_everyone_offline(
    listen: Listen, fresh_broker: Broker, tmp_path: Path
) -> None:
    roster = demo_roster(wards=1, carts=5, tablets=0)
    service = listen()
    with running(Fleet(roster, fresh_broker.url, tmp_path / "fleet")):
        wait_until(lambda: len(service.online()) == 5)
    wait_until(lambda: service.online() == set())
    late = listen()
    wait_until(lambda: len(late.states) == 5)  # retained
    assert late.online() == set()


def test_a_retained_desired_state_is_applied_by_a_device_that_comes_later(
    listen: Listen, start: Start
) -> None:
    service = listen()
    document = DesiredDocument({"screen_timeout_s": 42, "x_ray": True}, [], 1)
    fingerprint = document_sha256(document)
    desired = Desired(1, 3, fingerprint, ProfileName("cart", 1), document)
    service.say(CART, "desired", encode(desired), retain=True)
    fleet = start()
    wait_until(lambda: any(report.generation == 3 for _, report in service.reports))
    report = service.reports[-1][1]
    items = {item.path: item for item in report.items}
    assert report.sha256 == fingerprint
    assert items["settings.screen_timeout_s"].value == 42
    assert items["settings.x_ray"].reason == "UNSUPPORTED"
    assert fleet.hardware[CART].setting("screen_timeout_s") == 42


def test_a_setting_changed_on_the_cart_is_heard_of(listen: Listen, start: Start) -> None:
    service = listen()
    document = DesiredDocument({"volume_pct": 50}, [], 1)
    desired = Desired(1, 1, document_sha256(document), ProfileName("cart", 1), document)
    service.say(CART, "desired", encode(desired), retain=True)
    fleet = start()
    wait_until(lambda: any(report.generation == 1 for _, report in service.reports))
    fleet.hardware[CART].change_setting("volume_pct", 7)
    wait_until(
        lambda: {i.path: i.value for i in service.reports[-1][1].items}["settings.volume_pct"] == 7
    )


def test_two_hundred_devices_come_online_together(
    listen: Listen, fresh_broker: Broker, tmp_path: Path
) -> None:
    service = listen()
    roster = demo_roster(carts=80, tablets=120)
    stop = Event()
    thread = Thread(target=run_fleet, args=(roster, fresh_broker.url, tmp_path / "fleet", stop))
    thread.start()
    wait_until(lambda: len({sender for sender, _ in service.telemetry}) == 200, timeout=40)
    assert len(service.online()) == 200
    stop.set()
    thread.join(20)
    assert not thread.is_alive()


def test_the_machine_this_runs_on_reports_itself(
    listen: Listen, fresh_broker: Broker, tmp_path: Path
) -> None:
    service = listen()
    stop = Event()
    thread = Thread(
        target=run_agent,
        args=(fresh_broker.url, "laptop-1", tmp_path, stop),
        kwargs={"interval_s": 1},
    )
    thread.start()
    wait_until(lambda: len(service.telemetry) >= 2)
    stop.set()
    thread.join(10)
    assert {sender for sender, _ in service.births} == {"laptop-1"}
    assert service.telemetry[0][1].readings[0].system is not None
    wait_until(lambda: service.states_of("laptop-1")[-1].online is False)
