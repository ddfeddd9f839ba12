"""Devices come under management: all of a list, or none of it."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from fleet.domain.words import DeviceKind
from fleet.services import audit, desired_state
from fleet.services.errors import Invalid
from fleet.services.wards import touch
from fleet.store.configuration import Configuration
from fleet.store.database import transaction
from fleet.store.device import Device, DeviceState, SearchToken
from fleet.store.site import Ward
from fleet.wire import topics

ASSET_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._/-]{0,63}")
ASSET_TAG_WORDS = "1 to 64 letters, digits, spaces or . _ / -"


@dataclass(frozen=True, slots=True)
class NewDevice:
    """`device_id` is the asset tag in lower case where none is given."""

    asset_tag: str
    kind: str
    ward_slug: str
    device_id: str | None = None
    model: str | None = None
    serial: str | None = None

    @property
    def identity(self) -> str:
        return self.device_id or re.sub(r"[^a-z0-9-]+", "-", self.asset_tag.lower())


def register_devices(
    devices: Sequence[NewDevice],
    actor: str,
    now: datetime,
    *,
    dry_run: bool = False,
    lines: Sequence[int] | None = None,
) -> list[str]:
    """Returns the device ids. Raises Invalid, naming the field (and the line, in a list).

    `dry_run`: only look whether they could be. `lines`: where each stands in its file.
    """
    with transaction() as session:
        wards = {ward.slug: ward.id for ward in session.execute(select(Ward.slug, Ward.id))}
        problems = _problems(session, devices, set(wards), lines)
        if problems:
            raise Invalid(problems)
        if dry_run:
            return [device.identity for device in devices]
        rows = [_row(device, wards[device.ward_slug], now) for device in devices]
        session.add_all(rows)
        session.flush()
        for row, device in zip(rows, devices, strict=True):
            session.add(Configuration(device_pk=row.id))
            session.add_all(SearchToken(token=t, device_pk=row.id) for t in search_tokens(row))
            audit.record(
                session, actor, "device.register", row.device_id, now, after=asdict(device)
            )
        session.flush()
        desired_state.refresh(session, now, [row.id for row in rows])
        touch(session, {row.ward_id for row in rows})
        return [row.device_id for row in rows]


def problems_with(
    session: Session, devices: Sequence[NewDevice], lines: Sequence[int]
) -> dict[str, str]:
    """Why they could not be registered as the database is now; empty where they can."""
    wards = set(session.scalars(select(Ward.slug)))
    return _problems(session, devices, wards, lines)


def search_tokens(device: Device) -> set[str]:
    """The words a device is found by: its names whole, and their parts ("cart-017": "017")."""
    names = [n.lower() for n in (device.asset_tag, device.device_id, device.serial) if n]
    return {token[:64] for name in names for token in {name, *re.findall(r"[a-z0-9]+", name)}}


def _row(device: NewDevice, ward_id: int, now: datetime) -> Device:
    return Device(
        device_id=device.identity,
        asset_tag=device.asset_tag,
        kind=device.kind,
        model=device.model or None,
        serial=device.serial or None,
        ward_id=ward_id,
        created_at=now,
        state=DeviceState(),
    )


def _problems(
    session: Session,
    devices: Sequence[NewDevice],
    ward_slugs: set[str],
    lines: Sequence[int] | None,
) -> dict[str, str]:
    taken_ids = _taken(session, Device.device_id, [d.identity for d in devices])
    taken_tags = _taken(session, Device.asset_tag, [d.asset_tag for d in devices])
    problems: dict[str, str] = {}
    for line, device in zip(lines or range(1, len(devices) + 1), devices, strict=True):
        prefix = f"line {line}: " if lines or len(devices) > 1 else ""
        for name, problem in _problems_of(device, ward_slugs, taken_ids, taken_tags):
            problems[prefix + name] = problem
    return problems


def _problems_of(
    device: NewDevice, ward_slugs: set[str], taken_ids: set[str], taken_tags: set[str]
) -> list[tuple[str, str]]:
    found = []
    if not ASSET_TAG.fullmatch(device.asset_tag):
        found.append(("asset_tag", ASSET_TAG_WORDS))
    elif device.asset_tag in taken_tags:
        found.append(("asset_tag", f"{device.asset_tag} is registered already"))
    if not topics.is_device_id(device.identity):
        found.append(("device_id", "3 to 63 of a-z, 0-9 and -, not beginning with -"))
    elif device.identity in taken_ids:
        found.append(("device_id", f"{device.identity} is registered already"))
    if device.kind not in set(DeviceKind):
        found.append(("kind", f"one of {', '.join(DeviceKind)}"))
    if device.ward_slug not in ward_slugs:
        found.append(("ward", f"no such ward: {device.ward_slug}"))
    for name, text in (("model", device.model), ("serial", device.serial)):
        if text and (len(text) > 64 or not text.isprintable()):
            found.append((name, "at most 64 printable characters"))
    return found


def _taken(session: Session, column: InstrumentedAttribute[str], names: list[str]) -> set[str]:
    """Names that are in the database already, or stand twice in the list."""
    twice = {name for name, count in Counter(names).items() if count > 1}
    return twice | set(session.scalars(select(column).where(column.in_(names))))
