"""What needs a human now, the most urgent first, each with the way to do something about it."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from flask import url_for

from fleet.access import may
from fleet.config import Settings
from fleet.domain.access import Access, Reach
from fleet.domain.words import AlertKind, Availability, DeviceKind
from fleet.pki.expiry import endings
from fleet.pki.folder import AuthorityError
from fleet.services.recovery import BACKUP_TAKEN
from fleet.store.database import db
from fleet.store.queries import needs as stored
from fleet.store.queries.fleet_count import Counts
from fleet.store.queries.needs import Standing
from fleet.store.queries.overview import Tally
from fleet.store.queries.recovery import newest_drill
from fleet.store.queries.signed import trust_ends_at

TRUST_LATE = timedelta(days=60)
"""Two who hold root keys must be found, and devices that are away hear of it."""
BACKUP_DEADLINE = timedelta(hours=26)
"""A night's, and the time that it takes."""
DRILL_DEADLINE = timedelta(days=92)
"""A quarter: what an auditor asks for."""
WEBHOOK_LATE = timedelta(minutes=15)
"""A receiver that is restarted takes less."""
URGENT_FIRST = (
    AlertKind.SWELLING,
    AlertKind.OVERHEATING,
    AlertKind.OUTAGE,
    AlertKind.NEEDS_CHARGING,
    AlertKind.DEAD_OUTLET,
    AlertKind.NO_POWER,
    AlertKind.APP_FAILED,
    AlertKind.NOT_CHARGING,
    AlertKind.OFFLINE,
    AlertKind.NONCOMPLIANT,
    AlertKind.GAUGE_LIES,
    AlertKind.NEEDS_REPLACEMENT,
)
"""What may hurt somebody, then what leaves a ward without a cart, then what can wait for Monday.
A rollout that has halted stands above them all by itself."""
_LOOKS = {
    AlertKind.OFFLINE: "not-heard-of",
    AlertKind.OUTAGE: "not-heard-of",
    AlertKind.APP_FAILED: "out-of-service",
    AlertKind.NONCOMPLIANT: "out-of-service",
    AlertKind.SWELLING: "out-of-service",
    AlertKind.OVERHEATING: "out-of-service",
}


class Need(NamedTuple):
    """`since`: how old it is; `ends`: a day ahead, or past, on which something stops working.

    `address`: the page on which something is done about it; `do`: what, in words.
    """

    name: str
    look: str
    number: int
    words: str
    do: str
    address: str
    since: datetime | None = None
    ends: datetime | None = None


def needs(
    now: datetime, counts: Counts, settings: Settings, words: Mapping[AlertKind, str], reach: Reach
) -> list[Need]:
    """`words`: the name of each kind of alert. No more than they see and have a page for."""
    found = [*_rollouts(reach), *_devices_waiting(), *_alerts(words, reach)]
    found += _short_wards(counts.tallies)
    if counts.packs is not None:
        found += _packs(counts.packs)
    if reach.everything:
        found += [
            *_certificates(now, counts.certificates, settings),
            *_recovery(now),
            *_quarantine(now),
            *_webhooks(now),
        ]
    return [need for need in found if need.number]


def _rollouts(reach: Reach) -> Iterator[Need]:
    halted, proposed = stored.halted_rollouts(reach), stored.proposed_rollouts(reach)
    yield _need("halted", "out-of-service", halted, ("Rollout has halted", "Rollouts have halted"),
                "Decide", url_for("it.rollouts", state="halted"))  # fmt: skip
    yield _need("proposed", "plug-in", proposed,
                ("Rollout waits for approval", "Rollouts wait for approval"),
                "Approve or reject", url_for("it.rollouts", state="proposed"))  # fmt: skip


def _devices_waiting() -> Iterator[Need]:
    if not may(Access.DEVICES, None):
        return
    yield _need("waiting", "plug-in", stored.devices_waiting(),
                ("Device waits for approval", "Devices wait for approval"),
                "Approve or refuse", url_for("it.enrolment"))  # fmt: skip


def _webhooks(now: datetime) -> Iterator[Need]:
    if not may(Access.SITES, None):
        return
    address = url_for("it.webhooks")
    yield _need("given_up", "out-of-service", stored.given_up_deliveries(),
                ("Message to another system was given up",
                 "Messages to other systems were given up"), "Send again, or let be",
                address)  # fmt: skip
    yield _need("webhook_fails", "plug-in", stored.failing_webhooks(now - WEBHOOK_LATE),
                ("Another system takes no messages", "Other systems take no messages"),
                "See why", address)  # fmt: skip


def _alerts(words: Mapping[AlertKind, str], reach: Reach) -> Iterator[Need]:
    standing = stored.open_alerts(reach)
    standing.pop(AlertKind.ROLLOUT_HALTED, None)
    order = [*URGENT_FIRST, *(kind for kind in standing if kind not in URGENT_FIRST)]
    for kind in order:
        yield _need(kind, _LOOKS.get(AlertKind(kind), "plug-in"), standing.get(kind, Standing()),
                    (words[AlertKind(kind)],) * 2, "Acknowledge",
                    url_for("it.alerts", kind=kind, state="open"))  # fmt: skip


def _short_wards(tallies: list[Tally]) -> Iterator[Need]:
    short = stored.short_wards(tallies, DeviceKind.MEDICATION_CART, Availability.AVAILABLE)
    if not short:
        return
    one = short[0] if len(short) == 1 else None
    words = f"{one.name} is short of carts" if one else "Wards are short of carts"
    address = url_for("board.ward", slug=one.slug) if one else url_for("it.short_wards")
    yield Need("short", "plug-in", len(short), words, "See which", address)


def _packs(count: int) -> Iterator[Need]:
    what = "Battery pack" if count == 1 else "Battery packs"
    yield Need("packs", "charging", count, f"{what} to order by the end of next quarter",
               "Which, why and when", url_for("it.batteries"))  # fmt: skip


def _certificates(now: datetime, devices: Standing, settings: Settings) -> Iterator[Need]:
    one, many = "Device certificate ends unrenewed", "Device certificates end unrenewed"
    yield Need("certificates", "plug-in", devices.number, one if devices.number == 1 else many,
               "Enrol them anew", url_for("it.enrolment"), ends=devices.since)  # fmt: skip
    trust = trust_ends_at(db.session())
    if trust is not None and now >= trust - TRUST_LATE:
        yield Need("trust", "out-of-service", 1, "The trust document ends",
                   "Sign the next one: fleet keys rotate, sign, install",
                   url_for("it.firmware"), ends=trust)  # fmt: skip
    try:
        late = [each for each in endings(settings.pki) if each.is_late(now)]
    except AuthorityError as error:
        yield Need("authority", "out-of-service", 1, "A file of the authority cannot be read",
                   str(error), url_for("it.audit", subject="recovery"))  # fmt: skip
        return
    for each in late:
        name = f"The {each.name.replace('_', ' ')} ends"
        yield Need("authority", "out-of-service", 1, name, each.do,
                   url_for("it.enrolment"), ends=each.ends)  # fmt: skip


def _recovery(now: datetime) -> Iterator[Need]:
    log = url_for("it.audit", subject="recovery")
    taken = stored.newest_entry_at(BACKUP_TAKEN)
    if taken is None or now - taken > BACKUP_DEADLINE:
        yield Need("backup", "plug-in", 1, "The nightly backup is overdue" if taken else
                   "No backup was ever taken", "Run fleet backup", log, since=taken)  # fmt: skip
    drill = newest_drill()
    if drill is not None and not drill.passed:
        yield Need("drill", "out-of-service", 1, "The last recovery drill failed",
                   "Take another backup, run fleet drill", log, since=drill.at)  # fmt: skip
    elif drill is None or now - drill.at > DRILL_DEADLINE:
        words = "A recovery drill is overdue" if drill else "No backup was ever restored to try it"
        yield Need("drill", "plug-in", 1, words, "Run fleet drill", log,
                   since=drill.at if drill else None)  # fmt: skip


def _quarantine(now: datetime) -> Iterator[Need]:
    found = stored.quarantined(now - timedelta(days=1))
    yield _need("quarantine", "plug-in", found,
                ("Message was quarantined in the last day",
                 "Messages were quarantined in the last day"),
                "Look what they are", url_for("it.quarantine"))  # fmt: skip


def _need(
    name: str, look: str, standing: Standing, words: tuple[str, str], do: str, address: str
) -> Need:
    """`words`: for one, and for several."""
    said = words[standing.number != 1]
    return Need(name, look, standing.number, said, do, address, since=standing.since)
