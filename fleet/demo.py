"""The simulated demo hospital: what it consists of, and how it enters the database."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from fleet.demo_signing import DemoKeys
from fleet.device.credentials import Credentials
from fleet.domain.rollout.words import Target
from fleet.domain.words import DeviceKind, Scope
from fleet.pki.authority import Authority
from fleet.services.assign_profile import assign_profile
from fleet.services.certify_devices import certify_devices
from fleet.services.change_pack_model import change_pack_model
from fleet.services.forecast_packs import forecast_packs
from fleet.services.known_packs import KnownPack, enter_known_packs
from fleet.services.load_profiles import load_profile, load_profiles
from fleet.services.places import add_site, add_ward
from fleet.services.profile_files import read_profiles
from fleet.services.register_devices import NewDevice, register_devices
from fleet.services.rollouts.approve import approve_rollout
from fleet.services.rollouts.propose import propose_rollout
from fleet.simulator.past import Past, pasts
from fleet.simulator.roster import Opening, Roster, demo_roster
from fleet.store.database import db
from fleet.store.device import Device

PROFILES = Path(__file__).resolve().parents[1] / "firmware_profiles"
_ACTOR = "demo"
_FIRMWARE = "4.2.0"
_ANOTHER = "demo-approval"
"""Who starts a rollout cannot approve it."""
_PURCHASING = {
    "PowerRail LFP 40": (689_00, 36),
    "PowerRail NMC 36": (545_00, 24),
    "Rondo AGM 55": (239_00, 12),
    "SL10-B": (84_50, 12),
    "SL11-B": (96_00, 24),
}
"""Price in cents and months of warranty of each model of pack."""


@dataclass(frozen=True, slots=True)
class Demo:
    """A hospital of this size; the same seed makes the same one."""

    wards: int = 6
    carts: int = 48
    tablets: int = 72
    seed: int = 1

    def roster(self) -> Roster:
        return demo_roster(self.seed, self.wards, self.carts, self.tablets)

    def arguments(self, data_dir: Path) -> list[str]:
        """For `fleet simulate`."""
        trust = keys_of(data_dir).trust
        return [
            *([f"--trust={trust}"] if trust.exists() else []),
            f"--wards={self.wards}",
            f"--carts={self.carts}",
            f"--tablets={self.tablets}",
            f"--seed={self.seed}",
        ]


def enter_demo(demo: Demo, data_dir: Path, now: datetime) -> None:
    """Enter what is not there yet: a second start goes on with the same data."""
    roster = demo.roster()
    add_site(roster.site.slug, roster.site.name, roster.site.timezone, _ACTOR, now)
    for ward in roster.wards:
        zones = [(zone.code, zone.name) for zone in ward.zones]
        add_ward(roster.site.slug, ward.slug, ward.name, _ACTOR, now, zones)
    known = set(db.session.scalars(select(Device.device_id)))
    new = [
        NewDevice(d.asset_tag, d.kind, d.ward, d.device_id, d.model, d.serial)
        for d in roster.devices
        if d.device_id not in known
    ]
    if not known:
        load_profiles([PROFILES], _ACTOR, now)
        _sign(keys_of(data_dir), now)
        assign_profile("medication-cart", 1, Scope.SITE, roster.site.slug, _ACTOR, now)
        assign_profile("tablet", 1, Scope.SITE, roster.site.slug, _ACTOR, now)
    register_devices(new, _ACTOR, now)
    if not known:
        _remember_packs(pasts(roster, demo.seed), now)
        _roll_out(keys_of(data_dir), roster, now)


def keys_of(data_dir: Path) -> DemoKeys:
    return DemoKeys(data_dir / "demo-keys", data_dir)


def _sign(keys: DemoKeys, now: datetime) -> None:
    """What devices are told is signed from the first day."""
    keys.make(_ACTOR, now)
    for slug in ("medication-cart", "tablet"):
        keys.sign_profile(slug, 1, _ACTOR, now)


def give_certificates(
    demo: Demo, authority: Authority, ca: Path, data_dir: Path, now: datetime
) -> None:
    """Each simulated device has a key of its own; here alone the authority signs it unasked."""
    folder = data_dir / "simulated"
    folder.mkdir(exist_ok=True)
    trusted = ca.read_bytes()
    all_of_them = {d.device_id: Credentials(folder, d.device_id) for d in demo.roster().devices}
    due = {
        device_id: credentials
        for device_id, credentials in all_of_them.items()
        if credentials.is_due(now) or credentials.trusted() != trusted
    }
    requests = {device_id: credentials.request() for device_id, credentials in due.items()}
    for device_id, signed in certify_devices(authority, requests, _ACTOR, now).items():
        due[device_id].keep([signed], trusted)


def _remember_packs(packs: list[Past], now: datetime) -> None:
    """Packs are of all ages, and purchasing knows what they cost."""
    enter_known_packs(
        [
            KnownPack(
                pack.device_id, pack.serial, pack.build.model, pack.build.chemistry,
                round(1000 * pack.build.design_ah), pack.cycles_a_day, pack.cycles, pack.health,
            )
            for pack in packs
        ],
        now,
    )  # fmt: skip
    for model in {pack.build.model for pack in packs}:
        price, months = _PURCHASING[model]
        facts = {"price_cents": price, "currency": "EUR", "warranty_months": months}
        change_pack_model(model, facts, _ACTOR, now)
    forecast_packs(now)


def _roll_out(keys: DemoKeys, roster: Roster, now: datetime) -> None:
    """Firmware to all carts, and a profile to all tablets, which go on for hours as these come to
    their chargers; one is through as soon as its only cart, which is charging, is heard of."""
    charging = [d for d in roster.devices if d.opening == Opening.CHARGING]
    tried = [d.device_id for d in charging if d.kind == DeviceKind.MEDICATION_CART][:1]
    plan = {"canaries": 3 * len(roster.wards), "shares": [50, 100], "min_soc_pct": 30}
    for cart in tried:
        number = _next_version(keys, "medication-cart", roster, now)
        _begin(Target.PROFILE, "medication-cart", number, Scope.DEVICE, cart, plan, now)
    if any(d.kind == DeviceKind.TABLET for d in roster.devices):
        number = _next_version(keys, "tablet", roster, now)
        _begin(Target.PROFILE, "tablet", number, Scope.SITE, roster.site.slug, plan, now)
    if models := {d.model for d in roster.devices if d.kind == DeviceKind.MEDICATION_CART}:
        release = keys.add_release(_FIRMWARE, 1, sorted(models), _ACTOR, now)
        _begin(Target.FIRMWARE, release, _FIRMWARE, Scope.SITE, roster.site.slug, plan, now)


def _begin(
    target: Target, slug: str, version: str, scope: Scope, key: str, plan: dict[str, Any],
    now: datetime,
) -> None:  # fmt: skip
    rollout_id = propose_rollout(target, slug, version, scope, key, _ACTOR, now, plan)
    approve_rollout(rollout_id, _ANOTHER, now)


def _next_version(keys: DemoKeys, slug: str, roster: Roster, now: datetime) -> str:
    """Of this profile: its devices lock themselves later."""
    (document,) = (d for d in read_profiles([PROFILES]) if d["profile"] == slug)
    settings = {**document["settings"], "auto_lock_s": 2 * document["settings"]["auto_lock_s"]}
    next_one = load_profile(
        {**document, "settings": settings, **_in_reach(document, roster)}, _ACTOR, now
    )
    keys.sign_profile(slug, next_one.number, _ACTOR, now)
    return str(next_one.number)


def _in_reach(document: dict[str, Any], roster: Roster) -> dict[str, Any]:
    """Some run what is too old for the standard: asked for the same, they would fail in it."""
    devices = [device for device in roster.devices if device.kind in document["kinds"]]
    oldest = {app: min(dict(device.apps)[app] for device in devices) for app, _ in devices[0].apps}
    return {
        "apps": {
            "required": [{"name": app, "version": version} for app, version in oldest.items()]
        },
        "firmware": {"minimum": min(device.firmware for device in devices)},
    }
