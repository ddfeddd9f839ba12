"""A hospital on a busy night: every page has something to show.

Built as it comes about: registered by the services, then told by the devices through the pipeline.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import yaml
from flask import Flask
from playwright.sync_api import Page
from sqlalchemy import select

from fleet import create_app
from fleet.config import Settings
from fleet.domain.outage import HOLD
from fleet.domain.words import DeviceKind, Scope
from fleet.ingest.pipeline import process
from fleet.services.api_tokens import create_api_token
from fleet.services.assign_profile import assign_profile
from fleet.services.first_administrator import create_administrator, offer
from fleet.services.judge_silence import judge_silence
from fleet.services.load_profiles import load_profile
from fleet.services.places import add_site, add_ward
from fleet.services.register_devices import NewDevice, register_devices
from fleet.services.rollups import roll_up
from fleet.services.silence import mark_silent
from fleet.simulator.roster import Opening, Roster, RosterDevice, demo_roster
from fleet.store.database import db
from fleet.store.migrate import upgrade
from fleet.store.models import Configuration, Device, ProfileVersion, Ward
from tests.browser.releases import put_out_releases, roll_out
from tests.browser.told import answer_webhooks, put_up_webhooks
from tests.support.hospital import PROFILES, message, reading, telemetry
from tests.support.packs import Worn, know, put_in
from tests.support.signs import all_well

USER, PASSWORD = "ada", "correct horse battery"
ADA = f"user:{USER}"
MAKES = {"LiFePO4": "LFP", "NMC": "NMC", "LCO": "LCO", "lead-acid": "SLA"}
NONE_READY = "ward-4a"
"""The ward that has nothing to take: everything that stood ready there is out or charging."""


def busy_app(folder: Path) -> Flask:
    """The application over such a hospital, in a database of its own."""
    settings = Settings.from_env({"FLEET_DATA_DIR": str(folder)})
    settings.make_data_dir()
    upgrade(settings.database_url)
    app = create_app(settings)
    with app.app_context():
        build(datetime.now(UTC))
    return app


def sign_in(page: Page) -> None:
    page.goto("/login")
    page.locator("[name=username]").fill(USER)
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/it")


def build(now: datetime) -> None:
    """Needs an application context and an empty database."""
    roster = demo_roster()
    create_administrator(offer(now) or "", USER, PASSWORD, now)
    _profiles(now - timedelta(days=30))
    _enter(roster, now - timedelta(days=30))
    _packs(roster, now)
    put_up_webhooks(ADA, now)
    _speak(roster, now)
    answer_webhooks(ADA, now)
    roll_up(now)
    _report(now)
    _strangers(now)
    roll_out(roster, ADA, now)  # once there are releases, a profile would have to be signed too
    put_out_releases(roster, ADA, now)
    create_api_token("CMDB export", ["read"], now + timedelta(days=90), ADA, now)
    all_well(now)


def cut_off(ward: str, now: datetime) -> None:
    """All devices of a ward fall silent at once, and it is clear that they share it."""
    of_ward = select(Device.device_id).join(Ward).where(Ward.slug == ward)
    gone = {"online": False, "session": 1}
    process([message("state", gone, now, name) for name in db.session.scalars(of_ward)], now)
    judge_silence(now + HOLD)


def _profiles(at: datetime) -> None:
    for name in ("medication-cart", "tablet"):
        document = yaml.safe_load((PROFILES / f"{name}.yaml").read_text())
        load_profile(document, ADA, at)
    document = yaml.safe_load((PROFILES / "medication-cart.yaml").read_text())
    document["settings"] |= {"auto_lock_s": 60, "bluetooth": False}
    del document["settings"]["keyboard_light"]
    load_profile(document, ADA, at + timedelta(days=20))


def _enter(roster: Roster, at: datetime) -> None:
    add_site(roster.site.slug, roster.site.name, roster.site.timezone, ADA, at)
    for ward in roster.wards:
        zones = [(zone.code, zone.name) for zone in ward.zones]
        add_ward(roster.site.slug, ward.slug, ward.name, ADA, at, zones)
    new = [
        NewDevice(d.asset_tag, d.kind, d.ward, d.device_id, d.model, d.serial)
        for d in roster.devices
    ]
    register_devices(new, ADA, at)
    assign_profile("medication-cart", 1, Scope.KIND, DeviceKind.MEDICATION_CART, ADA, at)
    assign_profile("tablet", 1, Scope.KIND, DeviceKind.TABLET, ADA, at)
    assign_profile("medication-cart", 2, Scope.WARD, roster.wards[0].slug, ADA, at)


def _speak(roster: Roster, now: datetime) -> None:
    """Each device says what it is; one has a week behind it, some fall silent."""
    chance = Random(7)
    cart = roster.devices[0]
    week = list(_week(cart, now, chance))
    process([message("telemetry", telemetry(*week[:700]), now, cart.device_id)], now)
    process([message("telemetry", telemetry(*week[700:]), now, cart.device_id)], now)
    by_time: dict[datetime, list[Any]] = {}
    for device in roster.devices:
        opening = _opening(device)
        gone = opening == Opening.OUT_OF_RANGE
        at = now - (timedelta(minutes=47) if gone else timedelta(seconds=chance.randint(0, 14)))
        said = telemetry(_now(device, opening, roster, at, chance), boot=2)
        by_time.setdefault(at, []).append(message("telemetry", said, at, device.device_id))
        if opening == Opening.LOW:
            early = at - timedelta(minutes=6)  # it must have been so for a while
            said = telemetry(_now(device, opening, roster, early, chance), boot=1)
            by_time.setdefault(early, []).append(
                message("telemetry", said, early, device.device_id)
            )
    for at, messages in sorted(by_time.items()):
        process(messages, at)
        if at < now - timedelta(minutes=40):
            mark_silent(at + timedelta(minutes=3))
            judge_silence(at + timedelta(minutes=4))


def _opening(device: RosterDevice) -> Opening:
    is_cart = device.kind == DeviceKind.MEDICATION_CART
    if device.ward != NONE_READY or not is_cart:
        return device.opening
    instead = {Opening.PARKED: Opening.CHARGING, Opening.WORN: Opening.IN_USE}
    return instead.get(device.opening, device.opening)


def _now(
    device: RosterDevice, opening: Opening, roster: Roster, at: datetime, chance: Random
) -> dict[str, Any]:
    soc = {
        Opening.LOW: chance.randint(6, 13),
        Opening.CHARGING: chance.randint(35, 76),
        Opening.IN_USE: chance.randint(58, 88),
        Opening.DEAD_CHARGER: 52,
    }.get(opening, chance.randint(82, 99))
    design = 40_000 if device.kind == DeviceKind.MEDICATION_CART else 8_000
    full = round(design * (0.66 if opening == Opening.WORN else chance.uniform(0.86, 0.99)))
    docked = opening in (Opening.CHARGING, Opening.DEAD_CHARGER)
    emar, *others = ({"name": n, "version": v, "state": "running"} for n, v in device.apps)
    if opening == Opening.APP_DOWN:
        emar |= {"state": "crashed", "crashes_24h": 4}
    battery = {
        "serial": f"P-{device.serial}",
        "chemistry": device.chemistry,
        "remaining_mah": full * soc // 100,
        "full_charge_mah": full,
        "design_mah": design,
        "cycle_count": chance.randint(60, 390),
        "current_ma": design // 8 if opening == Opening.CHARGING else -design // 18,
        "power_source": "dock" if docked else "none",
        "status": {Opening.CHARGING: "charging", Opening.DEAD_CHARGER: "not_charging"}.get(
            opening, "discharging"
        ),
    }
    zone = chance.choice(roster.ward(device.ward).zones)
    return reading(
        1, soc, at, battery=battery, location={"zone": zone.code}, apps=[emar, *others],
        system={"idle_s": 15 if opening == Opening.IN_USE else 1_900, "os": "Debian 12",
                "firmware": device.firmware, "storage_free_mb": 9_120, "wifi_rssi_dbm": -58},
    )  # fmt: skip


def _week(device: RosterDevice, now: datetime, chance: Random) -> Iterator[dict[str, Any]]:
    """Used by day, charged at night, out of range for some hours on one day and this morning."""
    soc, charging = 80.0, False
    for seq, ago in enumerate(range(7 * 24 * 60, 10, -8)):
        at = now - timedelta(minutes=ago)
        charging = (charging or soc < 22 or at.hour in (1, 2, 3)) and soc < 99
        soc = min(max(soc + (3.9 if charging else -chance.uniform(0.2, 1.9)), 0), 100)
        if 2_000 < ago < 2_400 or 400 < ago < 520:
            continue
        pack = {
            "serial": f"P-{device.serial}",
            "status": "charging" if charging else "discharging",
            "power_source": "dock" if charging else "none",
            "current_ma": 5_000 if charging else -2_100,
        }
        yield reading(seq, int(soc), at, battery=pack, location={"zone": "2A-bay-1"})


def _report(now: datetime) -> None:
    """What configuration each has: most what they should, some drifted, some lack something."""
    query = (
        select(
            Device.id,
            Device.device_id,
            Configuration.generation,
            Configuration.desired_sha256,
            ProfileVersion.document,
        )
        .join(Configuration, Configuration.device_pk == Device.id)
        .join(ProfileVersion, ProfileVersion.id == Configuration.profile_version_id)
        .order_by(Device.id)
    )
    for drifted in (False, True):  # only who has complied once can drift
        messages = []
        for pk, device_id, generation, sha256, document in db.session.execute(query).all():
            if (drifted and pk % 23) or pk % 19 == 5:
                continue
            said = {
                "v": 1, "boot": 2, "seq": 1 + drifted, "generation": generation, "sha256": sha256,
                "items": list(_items(document, pk, drifted)), "applied_at": now.isoformat(),
            }  # fmt: skip
            messages.append(message("reported", said, now, device_id))
        process(messages, now)


def _items(document: dict[str, Any], pk: int, drifted: bool) -> Iterator[dict[str, Any]]:
    for name, value in document["settings"].items():
        path = f"settings.{name}"
        if name == "screen_timeout_s" and drifted:
            yield {"path": path, "value": 1_800, "reason": "USER_ACTION"}
        elif name == "screen_brightness_pct" and pk % 17 == 3:
            yield {"path": path, "reason": "UNSUPPORTED"}
        else:
            yield {"path": path, "value": value}
    for app in document["apps"]["required"]:
        yield {"path": f"apps.{app['name']}", "value": "7.1.4" if pk % 13 == 4 else "7.2.1"}
    yield {"path": "reporting_interval_s", "value": document["reporting"]["interval_s"]}
    yield {"path": "firmware", "value": "4.1.0"}


def _packs(roster: Roster, now: datetime) -> None:
    """As the nights' jobs have learned them: most sound, some to be bought, some not known yet."""
    chance = Random(11)
    packs = [_pack(device, place, chance) for place, device in enumerate(roster.devices)]
    cart = roster.devices[0]
    before = Worn(
        cart.device_id, "P-OLD-7", health_pct=68, age_cycles=1_410, heard_days_ago=1_500,
        removed_days_ago=690,
    )  # fmt: skip
    put_in([*packs, before], now)
    know("LFP-40", price_cents=124_900, currency="EUR", warranty_months=36, lead_time_weeks=6)
    know("NMC-8", price_cents=18_950, currency="EUR", warranty_months=24, warranty_cycles=500)


def _pack(device: RosterDevice, place: int, chance: Random) -> Worn:
    is_cart = device.kind == DeviceKind.MEDICATION_CART
    threshold = 70 if is_cart else 80
    health = 100 - (100 - threshold) * min(chance.betavariate(2.2, 2), 0.96)
    wear = (100 - health) / (100 - threshold)
    left = round(900 * (1 - wear) * chance.uniform(0.6, 1.4))
    if place in (2, 30):
        health, left = threshold - 1.8, -chance.randint(3, 40)
    unknown = place % 29 == 5
    model = f"{MAKES[device.chemistry]}-{40 if is_cart else 8}"
    return Worn(
        device.device_id,
        f"P-{device.serial}",
        model="Helios 9 <b>" if place == 40 else model,
        chemistry=device.chemistry,
        health_pct=None if unknown else health,
        age_cycles=chance.randint(280, 900) if is_cart else chance.randint(150, 450),
        threshold_pct=threshold,
        falls_in_days=None if unknown else left,
        give_or_take_days=12 + abs(left) // (2 if place == 40 else 4),
        model_known=place != 40,
        heard_days_ago=chance.randint(250, 1_300),
        reason="no swing of 35 % yet" if unknown else "no swing from full to the cut-off",
    )


def _strangers(now: datetime) -> None:
    too_much = {"batteries": [{"slot": 0, "soc_pct": 101}]}
    said = [
        message("telemetry", telemetry(reading(9, at=now) | too_much, boot=2), now, "cart-001"),
        message("birth", {"v": 1, "boot": 1, "session": 1}, now, "cart-099"),
        message("state", {"online": True, "session": 1}, now, "cart-099"),
        message("telemetry", b"\x00\x01\x02<script>alert(1)</script>\xff\xfe" * 3, now, "pump-7"),
        message("telemetry", json.dumps({"v": 2}).encode(), now, "cart-014"),
    ]
    process(said, now)
