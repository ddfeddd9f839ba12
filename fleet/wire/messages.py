"""Messages of device protocol v1, decoded strictly: nothing is coerced, absent means unknown.

Units follow the Smart Battery Data Specification and Linux `power_supply`, made one: mV, mA
(positive while charging), mAh, degrees Celsius, seconds, whole percent. Unknown fields are
passed over, so that a newer device can talk to an older service.
"""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Raw, Struct

from fleet.wire.envelope import Envelope

PROTOCOL_VERSION = 1
MAX_MESSAGE_BYTES = 786_432
"""A larger message is quarantined unread; 1,000 readings of an ordinary cart fit in it."""
MAX_READINGS = 1_000

_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
Label = Annotated[str, Meta(max_length=64, pattern=_PRINTABLE)]
Text = Annotated[str, Meta(max_length=256, pattern=_PRINTABLE)]
Percent = Annotated[int, Meta(ge=0, le=100)]
Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Counter = Annotated[int, Meta(ge=0, le=2**53)]
Millivolts = Annotated[int, Meta(ge=0, le=1_000_000)]
Milliamps = Annotated[int, Meta(ge=-1_000_000, le=1_000_000)]
Capacity = Annotated[int, Meta(ge=0, le=10_000_000)]
Celsius = Annotated[float, Meta(ge=-60, le=150)]
Decibels = Annotated[int, Meta(ge=-150, le=20)]
Timestamp = Annotated[datetime, Meta(tz=True)]
Version = Annotated[int, Meta(ge=1, le=1)]
Setting = bool | int | float | Text
"""The value of one profile setting."""


class Battery(Struct, omit_defaults=True):
    """One pack in one slot of the device."""

    slot: Annotated[int, Meta(ge=0, le=7)] = 0
    serial: Label | None = None
    model: Label | None = None
    chemistry: Literal["LiFePO4", "NMC", "LCO", "lead-acid"] | None = None
    soc_pct: Percent | None = None
    voltage_mv: Millivolts | None = None
    current_ma: Milliamps | None = None
    temp_c: Celsius | None = None
    cycle_count: Count | None = None
    remaining_mah: Capacity | None = None
    full_charge_mah: Capacity | None = None
    design_mah: Capacity | None = None
    status: Literal["charging", "discharging", "full", "not_charging"] | None = None
    health: Literal["good", "overheat", "dead", "over_voltage", "failure", "cold"] | None = None
    power_source: Literal["none", "mains", "dock", "usb"] | None = None


class Location(Struct, omit_defaults=True):
    """Where the device is: a zone it knows itself to be in, or what it hears."""

    zone: Label | None = None
    source: Literal["ble", "wifi", "gps", "manual"] | None = None
    ap_bssid: Annotated[str, Meta(pattern=r"^[0-9a-f]{2}(:[0-9a-f]{2}){5}$")] | None = None
    rssi_dbm: Decibels | None = None


class App(Struct, omit_defaults=True):
    """An application that the device should run, and how it is."""

    name: Label
    version: Label | None = None
    state: Literal["running", "stopped", "crashed", "missing"] | None = None
    crashes_24h: Count | None = None


class System(Struct, omit_defaults=True):
    """The device itself. `idle_s`: seconds since a person last touched it."""

    firmware: Label | None = None
    os: Label | None = None
    profile_generation: Counter | None = None
    idle_s: Count | None = None
    storage_free_mb: Count | None = None
    memory_free_mb: Count | None = None
    wifi_rssi_dbm: Decibels | None = None


class Reading(Struct, omit_defaults=True):
    """One sample of measurements; (`boot` of its message, `seq`) orders a device's readings."""

    seq: Counter
    ts: Timestamp
    uptime_s: Counter | None = None
    clock: Literal["synced", "unsynced"] | None = None
    batteries: Annotated[list[Battery], Meta(max_length=8)] = []
    location: Location | None = None
    apps: Annotated[list[App], Meta(max_length=64)] = []
    system: System | None = None

    def __post_init__(self) -> None:
        if len({battery.slot for battery in self.batteries}) < len(self.batteries):
            raise ValueError("batteries: each in a slot of its own")


class Telemetry(Struct, omit_defaults=True):
    v: Version
    boot: Counter
    readings: Annotated[list[Reading], Meta(min_length=1, max_length=MAX_READINGS)]
    uptime_s: Counter | None = None
    """The device's uptime as it sends: with a reading's own, its age without trusting any clock."""
    device_id: str | None = None


class Birth(Struct, omit_defaults=True):
    """First message of a session: who the device is and what it can do."""

    v: Version
    boot: Counter
    session: Counter
    agent: Label | None = None
    kind: Label | None = None
    model: Label | None = None
    serial: Label | None = None
    firmware: Label | None = None
    os: Label | None = None
    settings: Annotated[list[Label], Meta(max_length=256)] = []
    """The profile settings that the device knows how to apply."""
    device_id: str | None = None


class State(Struct, omit_defaults=True):
    """Online or not; the last will is the same message, spoken by the broker."""

    online: bool
    session: Counter
    boot: Counter | None = None
    device_id: str | None = None


ReasonCode = Literal[
    "PENDING",
    "USER_ACTION",
    "UNSUPPORTED",
    "INVALID_VALUE",
    "APP_NOT_INSTALLED",
    "APP_NOT_UPDATED",
    "DEVICE_INCOMPATIBLE",
]


class ReportedItem(Struct, omit_defaults=True):
    """What the device has at one path (`settings.screen_timeout_s`, `apps.emar`, `firmware`)."""

    path: Annotated[str, Meta(min_length=1, max_length=128, pattern=_PRINTABLE)]
    value: Setting | None = None
    reason: ReasonCode | None = None


class Reported(Struct, omit_defaults=True):
    """What configuration the device has. The service judges it; the device never does."""

    v: Version
    boot: Counter
    seq: Counter
    """Rises with each report of one boot, so that a late one never replaces a newer one."""
    generation: Counter
    sha256: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?$")]
    items: Annotated[list[ReportedItem], Meta(max_length=512)]
    applied_at: Timestamp | None = None
    device_id: str | None = None


class Refusal(Struct):
    """A reading that the service will not take, and why: the device need not keep it."""

    seq: int
    reason: str


class Ack(Struct, omit_defaults=True):
    """Sent after the commit: these readings of this boot are in the database (ranges inclusive)."""

    v: int
    boot: int
    ranges: list[tuple[int, int]]
    refused: list[Refusal] = []


class Rebirth(Struct, omit_defaults=True):
    """Please say birth, state and reported again; `min_boot`: the boot counter to go on from."""

    v: int
    min_boot: int | None = None


class Command(Struct, omit_defaults=True):
    """An instruction to the device; which one, its topic says. The broker forgets it in time.

    `request_id`: that of the request which asked for it, for the device's log.
    """

    v: int
    id: Counter
    request_id: str | None = None


class Answer(Struct, omit_defaults=True):
    """What became of a command. `reason`: why it could not be done."""

    v: Version
    id: Annotated[int, Meta(ge=1, le=2**31 - 1)]
    done: bool
    reason: Text | None = None
    device_id: str | None = None


class ProfileName(Struct):
    slug: str
    version: int


class RequiredApp(Struct):
    """An application a device must run, at this version or a later one."""

    name: str
    version: str


class DesiredDocument(Struct, omit_defaults=True):
    """The part of a profile version that a device applies; `sha256` is taken over its JSON."""

    settings: dict[str, Setting]
    apps: list[RequiredApp]
    reporting_interval_s: int
    firmware_minimum: str | None = None


class Desired(Struct, omit_defaults=True):
    v: int
    generation: int
    sha256: str
    profile: ProfileName
    document: DesiredDocument
    manifest: Envelope | None = None
    """That of the profile version, signed by a release key; `sha256` stands in it."""
    direction: Envelope | None = None
    """By the online key: this device, this manifest, this generation."""


class Heartbeat(Struct):
    """What `schedule` says through the broker and `ingest` hears: milliseconds since 1970."""

    sent_ms: int


_encoder = msgspec.json.Encoder(order="sorted")


def encode(message: Struct | Raw) -> bytes:
    """Canonical JSON: keys sorted, no spaces."""
    return _encoder.encode(message)
