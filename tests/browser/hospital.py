"""A hospital as it looks on an ordinary night, written straight into the database.

Six wards, 48 carts, 72 tablets; enough of everything that each page has something to show.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy.orm import Session

from fleet.domain.words import AlertKind, Availability, ComplianceState, DeviceKind
from fleet.store.database import transaction
from fleet.store.models import (
    Alert,
    Assignment,
    AuditEntry,
    BatteryPack,
    Configuration,
    Device,
    DeviceState,
    Profile,
    ProfileVersion,
    QuarantinedMessage,
    Reading,
    SearchToken,
    ServiceHeartbeat,
    Site,
    Transition,
    Ward,
    Zone,
)

WARDS = ("Intensive Care", "Cardiology", "Surgery East", "Oncology", "Paediatrics", "Emergency")
CARTS, TABLETS = 8, 12

# What the carts of one ward are doing, most of the time.
_USUAL = (
    (Availability.AVAILABLE, 96, 410, None),
    (Availability.AVAILABLE, 88, 352, None),
    (Availability.AVAILABLE, 83, 331, None),
    (Availability.IN_USE, 64, 246, None),
    (Availability.IN_USE, 57, 205, None),
    (Availability.CHARGING, 62, None, None),
    (Availability.CHARGING, 34, None, None),
    (Availability.LOW, 19, 48, None),
)
_NIGHT = {  # the ward at its worst, and single troubles elsewhere
    ("Oncology", 0): (Availability.IN_USE, 71, 280, None),
    ("Oncology", 1): (Availability.LOW, 22, 55, "plugged in, not charging"),
    ("Oncology", 2): (Availability.UNKNOWN, 58, 190, "not heard of"),
    ("Cardiology", 4): (Availability.UNAVAILABLE, 91, 380, "emar not running"),
    ("Surgery East", 6): (Availability.UNAVAILABLE, 0, 0, "battery failed"),
    ("Emergency", 3): (Availability.UNKNOWN, 41, 120, "not heard of"),
}

_CART_V1: dict[str, Any] = {
    "settings": {"screen_timeout_s": 120, "lock_after_s": 300, "wifi_band": "5GHz"},
    "apps": {"required": [{"name": "emar", "version": "7.2.1"}]},
    "firmware": {"minimum": "4.0.0"},
    "reporting": {"interval_s": 30},
    "battery": {"chemistry": {"LiFePO4": {"needs_charging_below_pct": 25}}},
}
_CART_V2: dict[str, Any] = {
    "settings": {"screen_timeout_s": 90, "lock_after_s": 300, "bluetooth": False},
    "apps": {
        "required": [
            {"name": "emar", "version": "7.3.0"},
            {"name": "barcode", "version": "2.1.0"},
        ]
    },
    "firmware": {"minimum": "4.1.0"},
    "reporting": {"interval_s": 30},
    "battery": {"chemistry": {"LiFePO4": {"needs_charging_below_pct": 30}}},
}
_TABLET_V1: dict[str, Any] = {
    "settings": {"screen_timeout_s": 60, "camera": True},
    "apps": {"required": [{"name": "handover", "version": "3.0.4"}]},
    "reporting": {"interval_s": 60},
}


def fill(now: datetime) -> None:
    """Needs an application context and an empty database."""
    chance = Random(7)
    with transaction() as session:
        versions = _profiles(session, now)
        wards = _wards(session)
        carts = [d for w in wards for d in _carts(session, w, wards.index(w), now, chance)]
        tablets = [d for w in wards for d in _tablets(session, w, wards.index(w), now, chance)]
        session.flush()
        _configurations(session, carts, versions["standard-cart"], now, chance)
        _configurations(session, tablets, versions["standard-tablet"], now, chance)
        _alerts(session, carts, now)
        for cart in carts[:2]:
            session.add_all(_week(cart.id, now, chance))
        _history(session, carts, now)
        _quarantine(session, carts[0], now)
        _signs_of_life(session, now)


def _profiles(session: Session, now: datetime) -> dict[str, list[ProfileVersion]]:
    made: dict[str, list[ProfileVersion]] = {}
    for slug, title, kind, documents in (
        ("standard-cart", "Standard medication cart", DeviceKind.MEDICATION_CART,
         [_CART_V1, _CART_V2]),
        ("standard-tablet", "Standard tablet", DeviceKind.TABLET, [_TABLET_V1]),
    ):  # fmt: skip
        profile = Profile(slug=slug, title=title, kinds=[kind])
        made[slug] = [
            ProfileVersion(
                profile=profile,
                number=number,
                document=document,
                document_sha256=f"{number:064x}",
                sha256=f"{number:064x}",
                created_at=now - timedelta(days=30 // number),
                created_by="user:ada",
            )
            for number, document in enumerate(documents, start=1)
        ]
        session.add_all(made[slug])
        session.flush()
        session.add(
            Assignment(
                profile_id=profile.id,
                profile_version_id=made[slug][-1].id,
                scope="kind",
                scope_key=kind,
                assigned_at=now - timedelta(days=2),
                assigned_by="user:ada",
            )
        )
    return made


def _wards(session: Session) -> list[Ward]:
    site = Site(slug="st-anne", name="St. Anne Hospital", timezone="Europe/Berlin")
    wards = []
    for name in WARDS:
        slug = name.lower().replace(" ", "-")
        wards.append(Ward(site=site, slug=slug, name=name, revision=41))
    session.add_all(wards)
    session.flush()
    for number, ward in enumerate(wards, start=1):
        for bay in range(1, 5):
            session.add(Zone(ward_id=ward.id, code=f"W{number}-bay-{bay}", name=f"Bay {bay}"))
        session.add(Zone(ward_id=ward.id, code=f"W{number}-corridor", name="Corridor"))
    return wards


def _carts(
    session: Session, ward: Ward, index: int, now: datetime, chance: Random
) -> Iterator[Device]:
    for place in range(CARTS):
        number = index * CARTS + place + 1
        word, soc, runtime, reason = _NIGHT.get((ward.name, place), _USUAL[place])
        soc = max(min(soc + chance.randint(-4, 3), 100), 0)
        runtime = None if runtime is None else max(runtime + chance.randint(-25, 20), 0)
        yield _device(
            session,
            ward,
            now,
            chance,
            asset_tag=f"CART-{number:03d}",
            kind=DeviceKind.MEDICATION_CART,
            model="Ergomed M40",
            zone=f"W{index + 1}-bay-{chance.randint(1, 4)}"
            if place % 3
            else f"W{index + 1}-corridor",
            judged=(word, soc, runtime, reason),
            worn=number in (12, 37),
        )


def _tablets(
    session: Session, ward: Ward, index: int, now: datetime, chance: Random
) -> Iterator[Device]:
    for place in range(TABLETS):
        soc = chance.randint(15, 100)
        word = Availability.LOW if soc < 25 else chance.choice(
            (Availability.AVAILABLE, Availability.AVAILABLE, Availability.IN_USE)
        )  # fmt: skip
        yield _device(
            session,
            ward,
            now,
            chance,
            asset_tag=f"TAB-{index * TABLETS + place + 1:03d}",
            kind=DeviceKind.TABLET,
            model="Slate 10",
            zone=None,
            judged=(word, soc, soc * 5, None),
        )


def _device(
    session: Session,
    ward: Ward,
    now: datetime,
    chance: Random,
    *,
    asset_tag: str,
    kind: DeviceKind,
    model: str,
    zone: str | None,
    judged: tuple[Availability, int, int | None, str | None],
    worn: bool = False,
) -> Device:
    word, soc, runtime, reason = judged
    is_charging = word == Availability.CHARGING
    silent = word == Availability.UNKNOWN
    seen = now - (timedelta(minutes=47) if silent else timedelta(seconds=chance.randint(1, 28)))
    full, design = (29_000 if worn else 37_400), 40_000
    pack = f"LFP-{20_000 + chance.randint(0, 9_999)}"
    device = Device(
        device_id=asset_tag.lower(),
        asset_tag=asset_tag,
        kind=kind,
        model=model,
        serial=f"SN{chance.randint(10**7, 10**8 - 1)}",
        ward_id=ward.id,
        created_at=now - timedelta(days=200),
    )
    device.state = DeviceState(
        boot=12,
        seq=8_841,
        session=3,
        sampled_at=seen,
        last_seen_at=seen,
        offline_after=seen + timedelta(seconds=135),
        availability=word,
        reason=reason,
        soc_pct=soc,
        plugged_in=is_charging or reason == "plugged in, not charging",
        charging=is_charging,
        runtime_min=runtime,
        full_in_min=(100 - soc) * 2 if is_charging else None,
        needs_charging=word == Availability.LOW,
        replacement="health 72 %, replaced below 80 %" if worn else None,
        soh_pct=round(100 * full / design),
        failed_apps=["emar"] if reason == "emar not running" else [],
        zone_code=zone,
        batteries=[
            {
                "slot": 0, "serial": pack, "model": "Li40", "chemistry": "LiFePO4", "soc_pct": soc,
                "voltage_mv": 25_610, "current_ma": 5_200 if is_charging else -3_150,
                "temp_c": 31.5, "cycle_count": 412, "remaining_mah": full * soc // 100,
                "full_charge_mah": full, "design_mah": design, "health": "good",
                "status": "charging" if is_charging else "discharging",
                "power_source": "dock" if is_charging else "none",
            }
        ],
        apps=[
            {"name": "emar", "version": "7.2.1",
             "state": "crashed" if reason == "emar not running" else "running", "crashes_24h": 0},
            {"name": "barcode", "version": "2.1.0", "state": "running", "crashes_24h": 1},
        ],
        system={"firmware": "4.1.0", "os": "Debian 12", "idle_s": 640, "storage_free_mb": 9_120,
                "memory_free_mb": 802, "wifi_rssi_dbm": -58},
        agent={"agent": "wardfleet-agent 0.1.0", "model": model, "firmware": "4.1.0"},
    )  # fmt: skip
    session.add(device)
    session.flush()
    session.add(
        BatteryPack(
            device_pk=device.id, slot=0, serial=pack, model="Li40", chemistry="LiFePO4",
            design_mah=design, first_seen_at=now - timedelta(days=190),
        )
    )  # fmt: skip
    words = {asset_tag.lower(), *asset_tag.lower().split("-"), (device.serial or "").lower()}
    session.add_all(SearchToken(token=word, device_pk=device.id) for word in words)
    return device


def _configurations(
    session: Session,
    devices: list[Device],
    versions: list[ProfileVersion],
    now: datetime,
    chance: Random,
) -> None:
    for index, device in enumerate(devices):
        state = ComplianceState.COMPLIANT
        if index % 11 == 3:
            state = ComplianceState.DRIFTED
        elif index % 13 == 5:
            state = ComplianceState.PENDING
        elif index % 17 == 6:
            state = ComplianceState.NONCOMPLIANT
        elif device.state.availability == Availability.UNKNOWN:
            state = ComplianceState.UNKNOWN
        document = versions[-1].document
        session.add(
            Configuration(
                device_pk=device.id,
                generation=4,
                profile_version_id=versions[-1].id,
                desired_sha256=versions[-1].sha256,
                desired_at=now - timedelta(days=2),
                reported_generation=4,
                reported_sha256=versions[-1].sha256,
                reported_items=list(_reported(document, state)),
                applied_at=now - timedelta(days=2),
                reported_at=now - timedelta(minutes=chance.randint(1, 14)),
                compliance=state,
                compliance_reason=(
                    "settings.screen_timeout_s" if state == ComplianceState.DRIFTED else None
                ),
                compliance_since=now - timedelta(hours=chance.randint(1, 40)),
                compliant_generation=4,
            )
        )


def _reported(document: dict[str, Any], state: ComplianceState) -> Iterator[dict[str, Any]]:
    for key, value in document["settings"].items():
        if key == "screen_timeout_s" and state == ComplianceState.DRIFTED:
            yield {"path": f"settings.{key}", "value": 600, "reason": "USER_ACTION"}
        else:
            yield {"path": f"settings.{key}", "value": value}
    for app in document["apps"]["required"]:
        if state == ComplianceState.NONCOMPLIANT:
            yield {"path": f"apps.{app['name']}", "reason": "APP_NOT_INSTALLED"}
        else:
            yield {"path": f"apps.{app['name']}", "value": app["version"]}
    yield {"path": "reporting_interval_s", "value": document["reporting"]["interval_s"]}
    yield {"path": "firmware", "value": "4.1.0"}


def _alerts(session: Session, carts: list[Device], now: datetime) -> None:
    for index, cart in enumerate(carts):
        state = cart.state
        found: list[tuple[AlertKind, str]] = []
        if state.needs_charging:
            found.append((AlertKind.NEEDS_CHARGING, f"{state.soc_pct} %"))
        if state.reason == "plugged in, not charging":
            found.append((AlertKind.NOT_CHARGING, f"plugged in at {state.soc_pct} %"))
        if state.replacement:
            found.append((AlertKind.NEEDS_REPLACEMENT, state.replacement))
        if state.availability == Availability.UNKNOWN:
            found.append((AlertKind.OFFLINE, "not heard of since its deadline"))
        if state.failed_apps:
            found.append((AlertKind.APP_FAILED, "emar"))
        for kind, detail in found:
            opened = now - timedelta(minutes=7 * (index + 1))
            session.add(Alert(device_pk=cart.id, kind=kind, detail=detail, opened_at=opened))


def _week(device_pk: int, now: datetime, chance: Random) -> Iterator[Reading]:
    """Discharged by day, charged at night, and out of range for some hours on one day."""
    soc, is_charging = 80.0, False
    minutes = 7 * 24 * 60
    for seq, ago in enumerate(range(minutes, 0, -5)):
        hour = (now - timedelta(minutes=ago)).hour
        is_charging = (is_charging or soc < 22 or hour in (1, 2, 3)) and soc < 99
        soc = min(max(soc + (2.4 if is_charging else -chance.uniform(0.1, 1.3)), 0), 100)
        if 2000 < ago < 2300 or 400 < ago < 520:
            continue
        at = now - timedelta(minutes=ago)
        yield Reading(
            device_pk=device_pk, boot=1, seq=seq, slot=0, sampled_at=at, received_at=at,
            soc_pct=int(soc), status="charging" if is_charging else "discharging",
            power_source="dock" if is_charging else "none", current_ma=-3_000, temp_c=30.0,
        )  # fmt: skip


def _history(session: Session, carts: list[Device], now: datetime) -> None:
    words = ("available", "in_use", "low", "charging", "available", "in_use")
    for hours, (old, new) in enumerate(zip(words, words[1:], strict=False)):
        at = now - timedelta(hours=9 - hours * 2)
        for cart in carts[:4]:
            session.add(
                Transition(device_pk=cart.id, at=at, aspect="availability", old=old, new=new)
            )
    for number, action in enumerate(("profile.load", "profile.assign", "device.register")):
        session.add(
            AuditEntry(
                at=now - timedelta(days=2, minutes=number), actor="user:ada", action=action,
                subject="standard-cart", before=None, after={"version": 2},
            )
        )  # fmt: skip


def _quarantine(session: Session, cart: Device, now: datetime) -> None:
    for minutes, device_id, reason, payload in (
        (3, cart.device_id, "readings[0].batteries[0].soc_pct: 101 is more than 100",
         b'{"v":1,"boot":12,"readings":[{"seq":88,"batteries":[{"soc_pct":101}]}]}'),
        (12, "cart-099", "unknown device", b'{"v":1,"boot":1,"session":1,"kind":"medication_cart"}'),
        (13, "cart-099", "unknown device", b'{"online":true,"session":1}'),
        (55, "infusion-7", "unknown device", b"\x00\x01\x02<script>alert(1)</script>\xff\xfe"),
    ):  # fmt: skip
        session.add(
            QuarantinedMessage(
                received_at=now - timedelta(minutes=minutes),
                topic=f"fleet/v1/up/{device_id}/telemetry",
                device_id=device_id,
                reason=reason,
                size_bytes=len(payload),
                payload_start=payload,
            )
        )


def _signs_of_life(session: Session, now: datetime) -> None:
    for name in ("ingest", "schedule", "round_trip"):
        session.add(ServiceHeartbeat(name=name, at=now, broker_connected=True))
