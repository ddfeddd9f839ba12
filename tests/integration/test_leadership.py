"""One of several schedulers leads, and one that no longer does writes nothing."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from fleet.services.leadership import TERM, NotLeading, Term, begin, lead, resign
from fleet.services.places import add_site
from fleet.services.recovered import MARGIN, recovered
from fleet.store.database import db, fenced
from fleet.store.models import Site
from tests.support.hospital import NOON, seconds


@pytest.fixture(autouse=True)
def inside(worker: Flask) -> Iterator[None]:
    with worker.app_context():
        yield


def term_of(holder: str, after: float = 0, held: Term | None = None) -> Term | None:
    return lead("schedule", holder, NOON + seconds(after), held)


def sites() -> int:
    return db.session.scalar(select(func.count()).select_from(Site)) or 0


def test_the_first_who_asks_leads_and_the_second_stands_by() -> None:
    assert term_of("one") is not None
    assert term_of("two", after=1) is None


def test_who_renews_in_time_goes_on_leading_for_ever() -> None:
    first = term = term_of("one")
    for n in range(1, 20):
        term = term_of("one", after=5 * n, held=term)
        assert term_of("two", after=5 * n + 1) is None
    assert first
    assert term
    assert term.epoch == first.epoch


def test_the_second_leads_when_the_first_has_not_renewed() -> None:
    first = term_of("one")
    second = term_of("two", after=TERM.total_seconds())
    assert first
    assert second
    assert second.epoch > first.epoch
    assert term_of("one", after=TERM.total_seconds() + 1, held=first) is None


def test_who_resigns_is_followed_at_once() -> None:
    first = term_of("one")
    assert first
    resign(first, NOON + seconds(1))
    assert term_of("two", after=1)


def test_a_leader_that_wakes_up_when_another_leads_writes_nothing() -> None:
    first = term_of("one")
    assert first
    with fenced(first.must_hold):
        add_site("before", "Before", "UTC", "test", NOON)
    assert term_of("two", after=60)
    with fenced(first.must_hold), pytest.raises(NotLeading):
        add_site("after", "After", "UTC", "test", NOON)
    assert sites() == 1


def test_a_lease_that_a_wrong_clock_made_last_for_years_is_taken_all_the_same() -> None:
    assert lead("schedule", "one", NOON + timedelta(days=365), None)
    assert term_of("two")


def test_a_turn_of_a_job_is_begun_once_by_whomever() -> None:
    hour = timedelta(hours=1)

    def may_begin(after: timedelta) -> bool:
        return begin("forget_old", hour, NOON + after)

    begun = [may_begin(timedelta(minutes=m)) for m in (0, 1, 30, 59, 60, 118, 119)]
    assert begun == [True, False, False, True, False, True, False]
    assert may_begin(timedelta(hours=-12)), "the clock was put back: the job must not wait a day"


def test_of_two_who_ask_in_the_same_moment_one_leads(worker: Flask) -> None:
    def ask(holder: str) -> Term | None:
        with worker.app_context():
            return lead("schedule", holder, NOON, None)

    with ThreadPoolExecutor(8) as pool:
        terms = list(pool.map(ask, [f"process-{n}" for n in range(8)]))
    assert sum(term is not None for term in terms) == 1


def test_after_a_restore_no_leader_of_before_finds_its_epoch_again() -> None:
    before = term_of("one")
    assert before
    recovered({}, "test", NOON + seconds(60))
    with fenced(before.must_hold), pytest.raises(NotLeading):
        add_site("after", "After", "UTC", "test", NOON)
    after = term_of("two", after=61)
    assert after
    assert after.epoch > before.epoch + MARGIN
