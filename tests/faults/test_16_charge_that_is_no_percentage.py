"""Fault 16: a charge of -1, 101, true, "50", 3.7. Refused with the reason, never coerced."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import select

from fleet.store.database import db
from fleet.store.models import DeviceState, QuarantinedMessage, Reading
from tests.support.hospital import build_hospital, reading, say, telemetry


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture(autouse=True)
def hospital(worker: Flask) -> Iterator[None]:
    with worker.app_context():
        build_hospital()
        yield


@pytest.mark.parametrize(
    ("soc", "reason"),
    [
        (-1, "Expected `int` >= 0"),
        (101, "Expected `int` <= 100"),
        (True, "Expected `int | null`, got `bool`"),
        ("50", "Expected `int | null`, got `str`"),
        (3.7, "Expected `int | null`, got `float`"),
        (50.0, "Expected `int | null`, got `float`"),
        (10**30, "soc_pct"),
        ([50], "Expected `int | null`, got `array`"),
    ],
)
def test_it_is_refused_by_number_with_the_reason_and_nothing_of_it_is_recorded(
    soc: object, reason: str
) -> None:
    bad = reading(2, soc=50) | {"batteries": [{"soc_pct": soc}]}
    acks = say("telemetry", telemetry(reading(1, soc=60), bad, reading(3, soc=61)))
    kept = acks["cart-001", 1]
    assert kept.seqs == {1, 3}
    [refusal] = kept.refused
    assert refusal.seq == 2
    db.session.rollback()
    [aside] = db.session.scalars(select(QuarantinedMessage.reason))
    for told in (refusal.reason, aside):
        assert reason in told
        assert "soc_pct" in told
    assert dict(db.session.execute(select(Reading.seq, Reading.soc_pct)).all()) == {1: 60, 3: 61}
    by_device = select(DeviceState.soc_pct).order_by(DeviceState.device_pk)
    assert db.session.scalars(by_device).first() == 61
