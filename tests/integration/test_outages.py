"""Many silent at once are one event: a ward's or a hospital's."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from fleet.domain.outage import HOLD
from fleet.domain.retention import CLASSES, Kept
from fleet.domain.words import AlertKind, AlertState
from fleet.ingest.pipeline import process
from fleet.services.decommission_device import decommission_device
from fleet.services.follow_clock import follow_clock
from fleet.services.judge_silence import judge_silence
from fleet.services.places import add_site, add_ward
from fleet.services.register_devices import NewDevice, register_devices
from fleet.services.retention import forget_old
from fleet.services.silence import mark_silent
from fleet.store.database import db
from fleet.store.models import Alert, Device, DeviceState, Outage, Transition, Ward
from fleet.store.queries.alerts import AlertRow, alerts_of, find_alerts
from fleet.store.queries.outages import standing_outages
from tests.support.hospital import NOON, message, reading, telemetry

WARDS = [f"ward-{n}" for n in range(1, 7)]
CARTS = 8
"""In each ward."""
SILENT_AFTER = timedelta(seconds=135)
"""Without a profile: four reports of 30 s, and the grace."""
CUT = NOON + SILENT_AFTER
"""When those last heard at noon fall silent."""
JUDGED = CUT + HOLD


both_databases = pytest.mark.parametrize(
    "database_url", ["sqlite_url", "postgres_url"], indirect=True
)
"""Where every statement is passed through; the other tests are about the rules, on SQLite."""


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(getattr(request, "param", "sqlite_url"))
    return url


@pytest.fixture(autouse=True)
def hospital(worker: Flask) -> Iterator[None]:
    """Six wards of eight carts, all heard at noon."""
    with worker.app_context():
        add_site("lindenhof", "Lindenhof", "Europe/Berlin", "test", NOON)
        for ward in WARDS:
            add_ward("lindenhof", ward, ward, "test", NOON)
        new = [
            NewDevice(f"{ward}-{n}", "medication_cart", ward)
            for ward in WARDS
            for n in range(CARTS)
        ]
        register_devices(new, "test", NOON)
        hear(everyone(), NOON)
        yield


def everyone() -> list[str]:
    return [cart for ward in WARDS for cart in carts(ward)]


def carts(ward: str) -> list[str]:
    return [f"{ward}-{n}" for n in range(CARTS)]


def hear(devices: Iterable[str], at: datetime) -> None:
    """Each says a fresh reading, numbered by the time."""
    seq = int((at - NOON).total_seconds())
    process(
        [message("telemetry", telemetry(reading(seq, at=at)), at, name) for name in devices], at
    )


def well_but(silent: Iterable[str], until: datetime) -> None:
    """All others go on reporting every 30 s, while the sweeps run every 15 s."""
    heard = sorted(set(everyone()) - set(silent))
    at = NOON
    while at < until:
        at += timedelta(seconds=15)
        if (at - NOON).seconds % 30 == 0:
            hear(heard, at)
        sweep(at)


def sweep(at: datetime) -> None:
    mark_silent(at)
    judge_silence(at)


def standing() -> list[AlertRow]:
    db.session.rollback()
    return find_alerts().rows


def subjects() -> list[tuple[str, str | None]]:
    """Kind and device or ward of all that stands; the site has neither."""
    return sorted((a.kind, a.device_id or a.ward) for a in standing())


def ever_opened() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(Alert)) or 0


def revisions() -> dict[str, int]:
    db.session.rollback()
    return {row[0]: row[1] for row in db.session.execute(select(Ward.slug, Ward.revision))}


def test_a_ward_that_is_cut_off_is_one_alert_and_no_device_has_one() -> None:
    well_but(carts("ward-3"), until=JUDGED)
    (outage,) = standing()
    assert (outage.kind, outage.ward, outage.device_id) == ("outage", "ward-3", None)
    assert outage.detail == "no word from 8 of 8 devices: network or power?"
    assert outage.outage
    assert outage.outage.since == NOON
    assert ever_opened() == 1


@both_databases
def test_each_of_its_devices_is_unknown_with_the_change_on_record() -> None:
    well_but(carts("ward-3"), until=JUDGED)
    silent = (
        select(DeviceState.availability, Transition.old, Transition.new, Transition.detail)
        .join(Device, Device.id == DeviceState.device_pk)
        .join(Transition, Transition.device_pk == Device.id)
        .where(Device.device_id.startswith("ward-3"), Transition.new == "unknown")
    )
    rows = [tuple(row) for row in db.session.execute(silent)]
    assert rows == CARTS * [("unknown", "available", "unknown", "not heard of")]


def test_nothing_is_said_of_a_silence_before_it_shows_who_shares_it() -> None:
    well_but(carts("ward-3"), until=CUT)
    sweep(JUDGED - timedelta(seconds=1))
    assert ever_opened() == 0


def test_three_carts_of_a_ward_are_each_their_own_trouble() -> None:
    three = carts("ward-3")[:3]
    well_but(three, until=JUDGED)
    assert subjects() == [("offline", name) for name in three]


def test_one_that_is_back_before_it_counts_raises_nothing() -> None:
    well_but(["ward-1-0"], until=CUT)
    hear(["ward-1-0"], JUDGED - timedelta(seconds=1))
    sweep(JUDGED)
    assert ever_opened() == 0


@both_databases
def test_a_third_of_the_wards_at_once_is_one_event_of_the_hospital() -> None:
    well_but(carts("ward-1") + carts("ward-2") + carts("ward-5"), until=JUDGED)
    (outage,) = standing()
    assert (outage.kind, outage.ward, outage.site) == ("outage", None, "lindenhof")
    assert outage.detail == "no word from 24 of 48 devices: network or power?"
    assert ever_opened() == 1


def test_two_wards_of_six_are_two_events() -> None:
    well_but(carts("ward-1") + carts("ward-2"), until=JUDGED)
    assert subjects() == [("outage", "ward-1"), ("outage", "ward-2")]


@both_databases
def test_a_device_that_reports_seldom_joins_when_its_own_deadline_passes() -> None:
    """Its last word was before the cut as well: it needs no alert of its own."""
    seldom = update(DeviceState).where(DeviceState.device_pk == 1)
    late = NOON + timedelta(minutes=20)
    db.session.execute(seldom.values(offline_after=late))
    db.session.commit()
    well_but(carts("ward-1"), until=JUDGED)
    assert [a.outage and a.outage.fell for a in standing()] == [7]
    sweep(late)
    sweep(late + HOLD)
    (outage,) = [a for a in standing() if a.ward == "ward-1"]
    assert outage.outage
    assert (outage.outage.fell, outage.outage.devices) == (8, 8)


def test_a_device_that_was_heard_during_an_outage_and_falls_silent_is_its_own_trouble() -> None:
    well_but(carts("ward-3"), until=JUDGED)
    hear(["ward-3-0"], JUDGED)
    for minutes in range(4, 8):
        at = NOON + timedelta(minutes=minutes)
        hear(sorted(set(everyone()) - set(carts("ward-3"))), at)
        sweep(at)
    assert subjects() == [("offline", "ward-3-0"), ("outage", "ward-3")]


@both_databases
def test_those_who_fell_silent_first_and_had_an_alert_already_are_taken_into_it() -> None:
    """Three at noon, the rest a minute later: too few at first, then plainly one event."""
    first, rest = carts("ward-3")[:3], carts("ward-3")[3:]
    well = sorted(set(everyone()) - set(carts("ward-3")))
    hear(rest + well, NOON + timedelta(seconds=60))
    for second in range(75, 300, 5):
        if second % 30 == 0:
            hear(well, NOON + timedelta(seconds=second))
        sweep(NOON + timedelta(seconds=second))
        if second == 200:
            assert subjects() == [("offline", name) for name in first]
    (outage,) = standing()
    assert outage.outage
    assert (outage.ward, outage.outage.fell) == ("ward-3", 8)
    absorbed = [a.detail for a in find_alerts(state=AlertState.RESOLVED).rows]
    assert absorbed == 3 * ["part of an outage"]


@both_databases
def test_since_when_is_said_by_the_new_clock_while_it_stands() -> None:
    well_but(carts("ward-3"), until=JUDGED)
    forward, back = timedelta(minutes=10), timedelta(minutes=-10)
    follow_clock(forward, JUDGED + forward)
    assert [a.outage and a.outage.since for a in standing()] == [NOON + forward]
    hear(carts("ward-3"), JUDGED + forward)
    judge_silence(JUDGED + forward)
    follow_clock(back, JUDGED)
    (over,) = find_alerts(state=AlertState.RESOLVED).rows
    assert over.outage
    assert over.outage.since == NOON + forward


def test_one_that_was_silent_long_before_keeps_its_own_alert() -> None:
    broken, cut = carts("ward-3")[:1], carts("ward-3")[1:]
    for minutes in range(1, 20):
        at = NOON + timedelta(minutes=minutes)
        well = set(everyone()) - set(broken) - (set(cut) if minutes > 10 else set())
        hear(sorted(well), at)
        sweep(at)
    assert subjects() == [("offline", "ward-3-0"), ("outage", "ward-3")]
    assert [a.outage.fell for a in standing() if a.outage] == [7]


def test_the_other_half_of_a_ward_that_falls_later_is_the_same_event() -> None:
    first, second = carts("ward-3")[:4], carts("ward-3")[4:]
    for minutes in range(1, 10):
        at = NOON + timedelta(minutes=minutes)
        well = set(everyone()) - set(first) - (set(second) if minutes > 4 else set())
        hear(sorted(well), at)
        sweep(at)
        if minutes == 4:
            assert [a.detail for a in standing()] == [
                "no word from 4 of 8 devices: network or power?"
            ]
    assert [a.detail for a in standing()] == ["no word from 8 of 8 devices: network or power?"]
    assert ever_opened() == 1


def test_it_counts_who_is_back_and_ends_when_most_are() -> None:
    well_but(carts("ward-3"), until=JUDGED)
    back = JUDGED + timedelta(minutes=1)
    hear(sorted(set(everyone()) - {"ward-3-0", "ward-3-1", "ward-3-2"}), back)
    judge_silence(back)
    assert [a.detail for a in standing()] == ["no word from 3 of 8 devices: network or power?"]
    hear(["ward-3-2"], back)
    judge_silence(back)
    assert standing() == []
    (over,) = find_alerts(state=AlertState.RESOLVED).rows
    assert (over.detail, over.resolved_at) == ("8 of 8 devices fell silent together", back)
    assert over.version == 2
    assert standing_outages() == []


@both_databases
def test_who_stays_silent_after_it_gets_an_alert_but_not_before_the_last_ones_had_time() -> None:
    well_but(carts("ward-3"), until=JUDGED)
    back = JUDGED + timedelta(minutes=1)
    hear(sorted(set(everyone()) - {"ward-3-0", "ward-3-1"}), back)
    judge_silence(back)
    judge_silence(back + HOLD - timedelta(seconds=1))
    assert standing() == []
    hear(["ward-3-1"], back + HOLD - timedelta(seconds=1))
    judge_silence(back + HOLD)
    assert subjects() == [("offline", "ward-3-0")]


def test_of_a_hospitals_outage_that_ends_a_ward_still_cut_off_is_an_event_of_its_own() -> None:
    well_but(everyone(), until=JUDGED)
    assert [a.site for a in standing()] == ["lindenhof"]
    for seconds in (60, 90, 120):
        at = JUDGED + timedelta(seconds=seconds)
        hear(sorted(set(everyone()) - set(carts("ward-4"))), at)
        sweep(at)
    assert subjects() == [("outage", "ward-4")]


def test_every_step_of_it_moves_the_boards_of_the_wards_concerned_and_no_other() -> None:
    well_but(carts("ward-3"), until=CUT)
    before = revisions()
    judge_silence(JUDGED)
    after = revisions()
    assert {ward for ward in WARDS if after[ward] != before[ward]} == {"ward-3"}
    judge_silence(JUDGED)
    assert revisions() == after
    hear(["ward-3-0"], JUDGED)
    heard = revisions()
    judge_silence(JUDGED)
    assert revisions()["ward-3"] == heard["ward-3"] + 1


def test_a_ward_falls_silent_anew_after_an_outage_and_that_is_the_next_event() -> None:
    well_but(carts("ward-3"), until=JUDGED)
    back = NOON + timedelta(minutes=10)
    hear(everyone(), back)
    sweep(back)
    assert standing() == []
    for minutes in (11, 12, 13):
        hear(sorted(set(everyone()) - set(carts("ward-3"))), NOON + timedelta(minutes=minutes))
        sweep(NOON + timedelta(minutes=minutes))
    sweep(NOON + timedelta(minutes=13, seconds=30))
    assert subjects() == [("outage", "ward-3")]
    assert ever_opened() == 2


@both_databases
def test_wills_of_a_whole_ward_in_one_batch_are_one_event() -> None:
    gone = {"online": False, "session": 1}
    process([message("state", gone, NOON, name) for name in carts("ward-2")], NOON)
    well = sorted(set(everyone()) - set(carts("ward-2")))
    hear(well, NOON + timedelta(seconds=31))
    judge_silence(NOON + HOLD)
    assert subjects() == [("outage", "ward-2")]
    reasons = db.session.scalars(select(DeviceState.reason).where(DeviceState.reason.is_not(None)))
    assert set(reasons) == {"went offline"}


def test_who_left_management_before_it_is_not_counted() -> None:
    for name in carts("ward-3")[:2]:
        decommission_device(name, "test", NOON)
    well_but(carts("ward-3"), until=JUDGED)
    assert [a.detail for a in standing()] == ["no word from 6 of 6 devices: network or power?"]


def test_who_leaves_management_before_its_silence_is_decided_has_nothing_left_to_decide() -> None:
    well_but(["ward-1-0"], until=CUT)
    decommission_device("ward-1-0", "test", CUT)
    assert list(db.session.scalars(select(DeviceState.alert_after).distinct())) == [None]
    judge_silence(JUDGED)
    assert ever_opened() == 0


def test_decommissioned_devices_are_no_part_of_it_and_an_outage_of_none_ends() -> None:
    well_but(carts("ward-3"), until=JUDGED)
    for name in carts("ward-3"):
        decommission_device(name, "test", JUDGED)
    judge_silence(JUDGED + timedelta(seconds=1))
    assert standing() == []


def test_the_page_of_a_device_shows_the_outage_which_it_is_part_of() -> None:
    well_but(carts("ward-3"), until=JUDGED)
    keys = select(Device.id).where(Device.device_id.in_(["ward-3-0", "ward-4-0"]))
    shown = [[a.kind for a in alerts_of(key)] for key in db.session.scalars(keys)]
    assert shown == [[AlertKind.OUTAGE], []]


@both_databases
def test_an_outage_is_forgotten_with_its_alert() -> None:
    well_but(carts("ward-3"), until=JUDGED)
    hear(carts("ward-3"), JUDGED)
    judge_silence(JUDGED)
    ages = {each.kept: timedelta(days=each.days) for each in CLASSES}
    forget_old(ages, JUDGED + ages[Kept.CHANGES] + timedelta(days=1))
    assert ever_opened() == 0
    assert db.session.scalar(select(func.count()).select_from(Outage)) == 0
