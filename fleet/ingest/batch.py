"""What one batch carries from step to step."""

from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any, NamedTuple

from msgspec import Struct
from sqlalchemy.orm import Session

from fleet.domain.battery.endurance import Learned
from fleet.domain.condition import Condition, Policies
from fleet.domain.events import Change
from fleet.wire.messages import Refusal


class Inbound(NamedTuple):
    """One message as the broker delivered it. `token` is what the consumer acks it by.

    `received_at`: when the broker took it, as far as is known.
    """

    topic: str
    payload: bytes
    received_at: datetime
    token: Any = None
    retained: bool = False
    size: int | None = None
    """Of the whole message, where only its beginning was kept."""
    shed: bool = False
    """Let go for want of memory: not recorded, not acked to its device, which sends it again."""


class Spoken(NamedTuple):
    """One message understood: who said it, on which channel, and what. `heard` is its wrapping."""

    device_id: str
    channel: str
    message: Struct
    heard: Inbound


@dataclass(frozen=True, slots=True)
class Rejected:
    """A message (or one reading of it) that cannot be accepted, and why."""

    heard: Inbound
    reason: str
    device_id: str | None = None
    kind: str = "not_understood"
    """One of a few words, to count by."""
    payload: bytes | None = None
    """The offending part, where it is not the whole message."""


@dataclass(slots=True)
class Known:
    """An enrolled device as the database has it at the start of the batch."""

    pk: int
    ward_id: int
    boot: int
    seq: int
    session: int
    session_boot: int
    online: bool
    rebirth_asked_at: datetime | None
    condition: Condition
    policies: Policies
    interval_s: int


@dataclass(slots=True)
class DeviceAck:
    """What one device is told of one boot: readings kept, and readings refused."""

    seqs: set[int] = field(default_factory=set)
    refused: list[Refusal] = field(default_factory=list)


PackKey = tuple[int, int, str]
"""Device primary key, slot, serial."""


class Shift(NamedTuple):
    """That of one ward, as it was under way at `seen_at`; `end` None: no shifts are known."""

    zone: tzinfo
    seen_at: datetime
    end: datetime | None

    def is_under_way(self, now: datetime) -> bool:
        return self.seen_at <= now and (self.end is None or now < self.end)


@dataclass(slots=True)
class Lasts:
    """What promises of runtime need beside readings, as read since that moment."""

    since: datetime
    learned: dict[int, Learned] = field(default_factory=dict)
    """By device."""
    shifts: dict[int, Shift] = field(default_factory=dict)
    """By ward."""


class Memory:
    """What a process keeps from batch to batch, and could lose at any moment without harm."""

    MOST = 200_000

    def __init__(self) -> None:
        self.packs: dict[PackKey, int] = {}
        """Committed packs by their key: that never changes."""
        self.birth_asked_at: dict[int, datetime] = {}
        """Device primary key -> when it was asked to say its birth."""
        self.lasts: Lasts | None = None

    def tidy(self) -> None:
        """Begin anew what has grown too large."""
        for remembered in (self.packs, self.birth_asked_at):
            if len(remembered) > self.MOST:
                remembered.clear()


@dataclass(slots=True)
class Batch:
    """`acks` are sent after the commit, and only then."""

    session: Session
    now: datetime
    inbound: list[Inbound]
    memory: Memory = field(default_factory=Memory)
    spoken: list[Spoken] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    devices: dict[str, Known] = field(default_factory=dict)
    conditions: dict[int, tuple[Condition, Condition]] = field(default_factory=dict)
    """Device primary key -> (condition before, condition after) of those that were evaluated."""
    heard_again: set[int] = field(default_factory=set)
    """Devices that were not online before this batch, and are now."""
    changes: list[tuple[int, Change]] = field(default_factory=list)
    dirty_wards: set[int] = field(default_factory=set)
    acks: dict[tuple[str, int], DeviceAck] = field(default_factory=dict)

    def said(self, channel: str) -> list[Spoken]:
        return [spoken for spoken in self.spoken if spoken.channel == channel]

    def ack_for(self, device_id: str, boot: int) -> DeviceAck:
        return self.acks.setdefault((device_id, boot), DeviceAck())
