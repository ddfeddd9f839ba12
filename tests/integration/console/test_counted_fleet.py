"""The overview shows what was counted lately, and counts for itself where nobody has."""

from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from fleet.services.count_fleet import count_fleet
from fleet.services.register_devices import NewDevice, register_devices
from fleet.store.queries import fleet_count
from fleet.store.queries.fleet_count import OLD_AFTER, count, latest_counts
from tests.support.hospital import reading, say, telemetry


@pytest.fixture(autouse=True)
def some(app: Flask, ada: FlaskClient, now: datetime) -> None:
    with app.app_context():
        say("telemetry", telemetry(reading(1, soc=95, at=now)), now)


def test_what_was_counted_comes_back_as_it_was(app: Flask, now: datetime) -> None:
    with app.app_context():
        counted = count(now, now.date())
        count_fleet(now)
        found = latest_counts(now + timedelta(seconds=30), now.date())
        assert found.tallies
        assert sorted(found.tallies) == sorted(counted.tallies)
        assert found[2:] == counted[2:]
        assert abs(found.at - now) < timedelta(seconds=1)


def test_it_is_counted_anew_and_shown_without_counting(
    app: Flask, ada: FlaskClient, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("the fleet was counted for a page")

    with app.app_context():
        count_fleet(now)
        register_devices([NewDevice("TAB-1", "tablet", "ward-3b")], "test", now)
        count_fleet(now)
    monkeypatch.setattr(fleet_count, "count", never)
    assert 'Tablets <span class="soft">1</span>' in ada.get("/it").text


def test_an_old_count_is_not_shown(app: Flask, now: datetime) -> None:
    with app.app_context():
        count_fleet(now - OLD_AFTER - timedelta(seconds=1))
        register_devices([NewDevice("TAB-1", "tablet", "ward-3b")], "test", now)
        tallies = latest_counts(now, now.date()).tallies
        assert sum(tally.devices for tally in tallies) == 4
