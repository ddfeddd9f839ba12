"""A made-up hospital, the same for the same seed: its wards, and the devices at home in them."""

from dataclasses import dataclass
from datetime import time
from enum import StrEnum
from random import Random

from fleet.domain.words import Chemistry, DeviceKind

DEFAULT_SEED = 1


class Opening(StrEnum):
    """How a device is found when the simulation begins."""

    PARKED = "parked"
    IN_USE = "in_use"
    CHARGING = "charging"
    LOW = "low"
    WORN = "worn"
    DEAD_CHARGER = "dead_charger"
    APP_DOWN = "app_down"
    OUT_OF_RANGE = "out_of_range"


@dataclass(frozen=True, slots=True)
class Zone:
    """A place in a ward: the code that devices report, and the name that people use."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Ward:
    slug: str
    name: str
    shift_starts: tuple[time, ...]
    zones: tuple[Zone, ...]


@dataclass(frozen=True, slots=True)
class Site:
    slug: str
    name: str
    timezone: str


@dataclass(frozen=True, slots=True)
class RosterDevice:
    """A device as it was bought, and what is peculiar about it."""

    device_id: str
    asset_tag: str
    kind: DeviceKind
    model: str
    serial: str
    ward: str
    chemistry: Chemistry
    firmware: str
    apps: tuple[tuple[str, str], ...]
    """Name and version of each installed app; the first is the one it is needed for."""
    lacks: frozenset[str]
    """Settings that this device cannot apply."""
    opening: Opening


@dataclass(frozen=True, slots=True)
class Roster:
    site: Site
    wards: tuple[Ward, ...]
    devices: tuple[RosterDevice, ...]

    def ward(self, slug: str) -> Ward:
        """KeyError for a ward that is not here."""
        return {ward.slug: ward for ward in self.wards}[slug]


_SITE = Site("lindenhof", "Lindenhof Hospital", "Europe/Berlin")
_SPECIALTIES = (
    "Surgery", "Orthopaedics", "Cardiology", "Internal Medicine", "Neurology", "Geriatrics",
    "Oncology", "Nephrology", "Pulmonology", "Urology", "Paediatrics", "Gynaecology",
)  # fmt: skip
_SHIFT_STARTS = (time(6), time(14), time(22))
_PLACES = ("bay 1", "bay 2", "bay 3", "bay 4", "corridor", "med room")

# A ward of eight carts shows every group of the board; the last place differs from ward to ward.
_CART_OPENINGS = (
    Opening.PARKED, Opening.IN_USE, Opening.CHARGING, Opening.PARKED, Opening.LOW, Opening.PARKED,
    Opening.PARKED,
)  # fmt: skip
_TROUBLES = (
    Opening.APP_DOWN, Opening.OUT_OF_RANGE, Opening.WORN, Opening.DEAD_CHARGER, Opening.CHARGING,
    Opening.WORN,
)  # fmt: skip
_TABLET_OPENINGS = (
    Opening.PARKED, Opening.IN_USE, Opening.PARKED, Opening.CHARGING, Opening.PARKED,
    Opening.IN_USE, Opening.PARKED, Opening.LOW, Opening.PARKED, Opening.CHARGING, Opening.PARKED,
    Opening.WORN,
)  # fmt: skip

_CART_CHEMISTRIES = (Chemistry.LIFEPO4,) * 6 + (Chemistry.LEAD_ACID, Chemistry.NMC)
_TABLET_CHEMISTRIES = (Chemistry.LCO, Chemistry.NMC)
_CART_MODELS = {
    Chemistry.LIFEPO4: "Medistep M40",
    Chemistry.NMC: "Medistep M40 Light",
    Chemistry.LEAD_ACID: "Rondo 24",
}
_TABLET_MODELS = {Chemistry.LCO: "Slate 10 Health", Chemistry.NMC: "Slate 11 Rugged"}


def demo_roster(
    seed: int = DEFAULT_SEED, wards: int = 6, carts: int = 48, tablets: int = 72
) -> Roster:
    """The demo hospital; devices are dealt out to the wards in blocks, as evenly as they go.

    ValueError without a ward.
    """
    if wards < 1:
        raise ValueError("a hospital needs a ward")
    all_wards = tuple(_ward(index) for index in range(wards))
    devices = [_cart(n, carts, all_wards, seed) for n in range(carts)]
    devices += [_tablet(n, tablets, all_wards, seed) for n in range(tablets)]
    return Roster(_SITE, all_wards, tuple(devices))


def _ward(index: int) -> Ward:
    """Two wards a floor, from the second floor up: 2A, 2B, 3A, ..."""
    code = f"{2 + index // 2}{'AB'[index % 2]}"
    zones = tuple(Zone(f"{code}-{place.replace(' ', '-')}", place) for place in _PLACES)
    name = f"{code} {_SPECIALTIES[index % len(_SPECIALTIES)]}"
    return Ward(f"ward-{code.lower()}", name, _SHIFT_STARTS, zones)


def _cart(n: int, count: int, wards: tuple[Ward, ...], seed: int) -> RosterDevice:
    ward, place = _home(n, count, len(wards))
    rng = _rng(seed, f"cart-{n}")
    chemistry = _CART_CHEMISTRIES[(place + ward) % len(_CART_CHEMISTRIES)]
    openings = (*_CART_OPENINGS, _TROUBLES[ward % len(_TROUBLES)])
    emar = rng.choices(("7.2.1", "7.1.4"), (12, 1))[0]
    return RosterDevice(
        device_id=f"cart-{n + 1:03d}",
        asset_tag=f"CART-{n + 1:03d}",
        kind=DeviceKind.MEDICATION_CART,
        model=_CART_MODELS[chemistry],
        serial=f"MC{rng.randrange(10**7):07d}",
        ward=wards[ward].slug,
        chemistry=chemistry,
        firmware=rng.choices(("4.1.0", "4.0.2"), (10, 1))[0],
        apps=(("emar", emar), ("barcode", "3.4.0")),
        lacks=frozenset({"screen_brightness_pct"} if rng.random() < 0.06 else ()),
        opening=openings[(place + ward) % len(openings)],
    )


def _tablet(n: int, count: int, wards: tuple[Ward, ...], seed: int) -> RosterDevice:
    ward, place = _home(n, count, len(wards))
    rng = _rng(seed, f"tablet-{n}")
    chemistry = _TABLET_CHEMISTRIES[place % len(_TABLET_CHEMISTRIES)]
    return RosterDevice(
        device_id=f"tab-{n + 1:03d}",
        asset_tag=f"TAB-{n + 1:03d}",
        kind=DeviceKind.TABLET,
        model=_TABLET_MODELS[chemistry],
        serial=f"SL{rng.randrange(10**8):08d}",
        ward=wards[ward].slug,
        chemistry=chemistry,
        firmware=rng.choices(("2.8.3", "2.7.9"), (10, 1))[0],
        apps=(("emar", rng.choices(("7.2.1", "7.1.4"), (15, 1))[0]), ("nurse-call", "1.9.2")),
        lacks=frozenset({"volume_pct"} if rng.random() < 0.05 else ()),
        opening=_TABLET_OPENINGS[(place + ward) % len(_TABLET_OPENINGS)],
    )


def _home(n: int, count: int, wards: int) -> tuple[int, int]:
    """The ward of the n-th device of a kind, and its place among that kind there."""
    ward = n * wards // count
    first = -(-ward * count // wards)
    return ward, n - first


def _rng(seed: int, name: str) -> Random:
    return Random(f"{seed}/{name}")  # noqa: S311 - a simulation, not a secret
