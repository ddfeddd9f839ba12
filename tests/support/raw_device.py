"""One of the raw fleet's devices: what it remembers, hears and says."""

import itertools
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from fleet.device.backlog import FIRST_READINGS, SPREAD_S
from fleet.wire import topics
from fleet.wire.messages import (
    Ack,
    Battery,
    Birth,
    Location,
    Reading,
    Reported,
    ReportedItem,
    State,
    System,
    Telemetry,
    encode,
)
from tests.support import mqtt5
from tests.support.raw_line import RawLine

if TYPE_CHECKING:
    from tests.support.raw_fleet import RawFleet

KEEP_ALIVE_S = 60
RESEND_AFTER_S = 30.0
RETRY_S = 2.0
_decode_ack = msgspec.json.Decoder(Ack).decode


class RawDevice:
    """One device: its memory, and the connection it has or not."""

    def __init__(self, fleet: "RawFleet", number: int, device_id: str) -> None:
        self.fleet, self.device_id = fleet, device_id
        self._line = RawLine(device_id, fleet.port, fleet.secure, fleet, self._take, self._lost)
        self.is_connected = False
        self.session = 0
        self.kept: dict[int, Reading] = {}
        self._zone = f"zone-{number % 97}"
        self._soc = 60 + number % 40
        self._seq = self._report_seq = 0
        self._reported: dict[str, Any] = {"generation": 0, "sha256": "", "items": []}
        self._packet_ids = itertools.cycle(range(1, 65_536))
        self._answered = False

    # --- the network ------------------------------------------------------------------------

    def connect(self) -> None:
        if not self.fleet.has_power:
            return
        self.hang_up()
        self.session += 1
        will = mqtt5.Will(self._topic("state"), self._state(False), self.fleet.will_delay_s)
        self._line.open(
            mqtt5.connect(self.device_id, will, 2 * self.fleet.will_delay_s, KEEP_ALIVE_S)
        )

    def hang_up(self) -> None:
        self.is_connected = False
        self._line.close()

    def _lost(self) -> None:
        self.hang_up()
        self.fleet.later(self.fleet.rng.uniform(0, RETRY_S), self.connect)

    # --- what is heard ----------------------------------------------------------------------

    def _take(self, packet: mqtt5.Packet) -> None:
        if packet.kind == mqtt5.CONNACK:
            if not mqtt5.is_accepted(packet):
                raise ConnectionRefusedError
            self._say_who_i_am()
        elif packet.kind == mqtt5.DISCONNECT:
            raise ConnectionResetError
        elif packet.kind == mqtt5.PUBLISH:
            topic, payload, packet_id = mqtt5.published(packet)
            if packet_id is not None:
                self._line.send(mqtt5.puback(packet_id))
            self._hear(topic.rpartition("/")[2], payload)

    def _hear(self, channel: str, payload: bytes) -> None:
        if channel == "ack":
            self._on_ack(_decode_ack(payload))
        elif channel == "desired" and payload:
            self._apply(json.loads(payload))
        elif channel == "rebirth":
            self._say_who_i_am()

    def _on_ack(self, ack: Ack) -> None:
        for first, last in ack.ranges:
            for seq in range(first, last + 1):
                if self.kept.pop(seq, None):
                    self.fleet.unacked -= 1
        if not self._answered:
            self._answered = True
            soon = self.fleet.rng.uniform(0, SPREAD_S)
            self.fleet.later(soon, self._send_history, self.session)

    def _apply(self, desired: dict[str, Any]) -> None:
        """Everything as it is wanted, and reported so."""
        document = desired["document"]
        items = {f"settings.{key}": value for key, value in document["settings"].items()}
        items |= {f"apps.{app['name']}": app["version"] for app in document["apps"]}
        items["reporting_interval_s"] = document["reporting_interval_s"]
        if minimum := document.get("firmware_minimum"):
            items["firmware"] = minimum
        self._reported = {
            "generation": desired["generation"],
            "sha256": desired["sha256"],
            "items": [ReportedItem(path, value) for path, value in items.items()],
        }
        self._report()

    # --- what is said -----------------------------------------------------------------------

    def measure(self) -> None:
        """Also while there is no network: that is what the journal is for."""
        self._seq += 1
        reading = Reading(
            seq=self._seq,
            ts=datetime.now(UTC),
            uptime_s=self.fleet.uptime_s,
            clock="synced",
            batteries=[_battery(self.device_id, self._soc)],
            location=Location(zone=self._zone),
            system=System(firmware="4.1.0", os="Debian 12", idle_s=900, wifi_rssi_dbm=-58),
        )
        self.kept[self._seq] = reading
        self.fleet.unacked += 1
        if self.is_connected:
            self._send_readings([reading])

    def _say_who_i_am(self) -> None:
        self.is_connected, self._answered = True, False
        birth = Birth(1, self.fleet.boot, self.session, "raw/1", firmware="4.1.0", os="Debian 12")
        subscribe = mqtt5.subscribe(next(self._packet_ids), topics.down(self.device_id, "#"))
        self._line.send(subscribe)
        self._publish("birth", encode(birth))
        self._publish("state", self._state(True), retain=True)
        self._report()
        self._resend(self.session)

    def _report(self) -> None:
        self._report_seq += 1
        self._publish(
            "reported", encode(Reported(1, self.fleet.boot, self._report_seq, **self._reported))
        )

    def _resend(self, session: int) -> None:
        """The newest at once and, without an answer, again."""
        if session == self.session and self.is_connected and self.kept and not self._answered:
            self._send_readings([self.kept[max(self.kept)]])
            self.fleet.later(RESEND_AFTER_S, self._resend, session)

    def _send_history(self, session: int) -> None:
        """The oldest first, again and again until nothing is left of it."""
        if session == self.session and self.is_connected and self.kept:
            oldest = sorted(self.kept)[:FIRST_READINGS]
            self._send_readings([self.kept[seq] for seq in oldest])
            self.fleet.later(RESEND_AFTER_S, self._send_history, session)

    def _send_readings(self, readings: list[Reading]) -> None:
        message = Telemetry(1, self.fleet.boot, readings, uptime_s=self.fleet.uptime_s)
        self._publish("telemetry", encode(message))

    def _publish(self, channel: str, payload: bytes, retain: bool = False) -> None:
        self._line.send(
            mqtt5.publish(next(self._packet_ids), self._topic(channel), payload, retain)
        )

    def _state(self, online: bool) -> bytes:
        return encode(State(online, self.session, self.fleet.boot))

    def _topic(self, channel: str) -> str:
        return topics.up(self.device_id, channel)


def _battery(device_id: str, soc: int) -> Battery:
    return Battery(
        serial=f"P-{device_id}"[:64],
        chemistry="LiFePO4",
        soc_pct=soc,
        voltage_mv=25_610,
        current_ma=-2_000,
        temp_c=31.5,
        cycle_count=100,
        remaining_mah=soc * 400,
        full_charge_mah=40_000,
        design_mah=40_000,
        status="discharging",
        power_source="none",
    )
