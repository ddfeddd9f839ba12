"""What a cart is promised to last: from what was learned of it, on the board and for programs."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient

from fleet.ingest.batch import Memory
from fleet.ingest.pipeline import process
from fleet.ingest.promise import KNOWN_FOR
from fleet.services.shifts import set_ward_shifts
from fleet.store.database import db, transaction
from fleet.store.models import DeviceEndurance
from fleet.web import clock
from tests.support.api import API, statements
from tests.support.console import signed_in
from tests.support.hospital import (
    NOON,
    build_hospital,
    message,
    reading,
    run_low,
    say,
    seconds,
    state,
    telemetry,
)

IN_USE = {"system": {"idle_s": 5}}
WARD = "/wards/ward-3a/board"


def learn(usable_mah: float | None, ma: float | None = None, device_pk: int = 1) -> None:
    """As the night's study does: capacity, and the same draw in every hour of the week."""
    profile = b"" if ma is None else np.full(168, ma, "<f4").tobytes()
    with transaction() as session:
        session.merge(
            DeviceEndurance(
                device_pk=device_pk,
                usable_mah=usable_mah,
                capacity_spread=0.05,
                load_spread=0.2,
                profile=profile,
                hours_seen=168,
            )
        )


def promised(soc: int = 50, at: datetime = NOON, seq: int = 1, **values: object) -> int:
    say("telemetry", telemetry(reading(seq, soc=soc, at=at, **(IN_USE | values))), at)
    found = state().promised_min
    assert found is not None
    return found


@pytest.fixture
def hospital(worker: Flask) -> Flask:
    with worker.app_context():
        build_hospital()
    return worker


def test_a_capacity_that_was_learned_counts_and_not_what_the_gauge_believes(
    hospital: Flask,
) -> None:
    with hospital.app_context():
        believed = promised(seq=1)
        learn(usable_mah=30_000)
        assert promised(seq=2) < 0.6 * believed  # of 40 Ah it believes in, 30 are there


def test_the_week_of_the_cart_weighs_beyond_the_hour(hospital: Flask) -> None:
    with hospital.app_context():
        learn(40_000)
        busy = promised(seq=1)
        learn(40_000, ma=400)
        assert promised(seq=2) > 1.5 * busy


def test_what_was_learned_is_read_once_in_some_minutes(hospital: Flask) -> None:
    with hospital.app_context():
        learn(40_000)
    memory = Memory()

    def hear(seq: int, after: timedelta) -> int:
        at = NOON + after
        said = telemetry(reading(seq, soc=50, at=at, **IN_USE))
        with hospital.app_context(), statements(hospital) as sent:
            process([message("telemetry", said, at)], at, memory)
        return sum("device_endurance" in sql for sql in sent)

    moments = [seconds(0), seconds(15), KNOWN_FOR - seconds(1), KNOWN_FOR, KNOWN_FOR + seconds(15)]
    assert [hear(seq, after) for seq, after in enumerate(moments)] == [1, 0, 0, 1, 0]


def test_a_cart_is_called_for_when_it_does_not_reach_the_shift_that_ends_soon(
    hospital: Flask,
) -> None:
    """At 13:00 in Berlin; 20 % is promised for 80 minutes."""
    with hospital.app_context():
        for starts, expected in ((["14:00"], False), (["14:50"], True), (["16:30"], False)):
            set_ward_shifts("ward-3a", starts, "test", NOON)
            boot = state().boot + 1
            for seq, at in enumerate((NOON - seconds(301), NOON)):
                said = telemetry(reading(seq, soc=18, at=at), boot=boot)
                say("telemetry", said, at)
            assert state().needs_charging == expected, starts
            charged = reading(2, soc=95, at=NOON)
            say("telemetry", telemetry(charged, boot=boot), NOON)


# --- On the board ---------------------------------------------------------------------------


def ask(client: FlaskClient, path: str = WARD, etag: str | None = None) -> tuple[int, str, str]:
    answer = client.get(path, headers={"If-None-Match": etag} if etag else {})
    return answer.status_code, answer.headers["ETag"], answer.text


def card(page: str, tag: str) -> str:
    found = page[page.index(f'id="card-{tag}"') :]
    return " ".join(found[: found.index("</li>")].split())


def best(page: str) -> str:
    return " ".join(page[page.index('id="best"') : page.index('id="none"')].split())


@pytest.fixture
def ward(app: Flask, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    with app.app_context():
        build_hospital(carts=4, now=NOON)
    monkeypatch.setattr(clock, "now", lambda: NOON)
    return app.test_client()


def test_the_best_is_the_one_that_is_promised_longest_and_not_the_fullest(
    app: Flask, ward: FlaskClient
) -> None:
    with app.app_context():
        learn(10_000, ma=4_000)
        say("telemetry", telemetry(reading(1, soc=100)), NOON)
        say("telemetry", telemetry(reading(1, soc=70)), NOON, "cart-002")
        set_ward_shifts("ward-3a", ["14:30"], "test", NOON)
    _, _, page = ask(ward)
    assert "CART-002" in best(page)
    assert "Lasts until the end of the shift, 14:30" in best(page)
    assert "until 14:30: yes" in card(page, "CART-002")


def test_of_one_that_does_not_reach_the_end_it_is_said_when_it_dies(
    app: Flask, ward: FlaskClient
) -> None:
    with app.app_context():
        say("telemetry", telemetry(reading(1, soc=40)), NOON)
        set_ward_shifts("ward-3a", ["21:00"], "test", NOON)
    _, _, page = ask(ward)
    # 16 Ah at the rated 4 A.
    assert "<b>dies about 17:00</b>" in card(page, "CART-001")
    assert "dies about 17:00</b>, before the end of the shift, 21:00" in best(page)
    with app.app_context():
        set_ward_shifts("ward-3a", ["16:30"], "test", NOON)
    assert "until 16:30: no promise" in card(ask(ward)[2], "CART-001")


def test_a_board_an_hour_later_promises_nothing_of_then(
    app: Flask, ward: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        say("telemetry", telemetry(reading(1, soc=90)), NOON)
    assert "at least" in card(ask(ward)[2], "CART-001")
    monkeypatch.setattr(clock, "now", lambda: NOON + timedelta(hours=1))
    later = card(ask(ward)[2], "CART-001")
    for words in ("at least", "until ", "dies"):
        assert words not in later


def test_the_end_of_a_shift_alone_makes_the_board_say_something_new(
    app: Flask, ward: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = NOON + seconds(60)
    with app.app_context():
        set_ward_shifts("ward-3a", ["13:01"], "test", NOON)
        say("telemetry", telemetry(reading(1, soc=90)), NOON)
    for path in (WARD, "/board"):
        monkeypatch.setattr(clock, "now", lambda: NOON)
        _, etag, _ = ask(ward, path)
        monkeypatch.setattr(clock, "now", lambda: end - seconds(1))
        assert ask(ward, path, etag)[0] == 304
        monkeypatch.setattr(clock, "now", lambda: end)
        assert ask(ward, path, etag)[0] == 200


# --- For programs and on the device's page --------------------------------------------------


def test_programs_read_the_same_as_nurses(
    app: Flask, ward: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        run_low()
        say("telemetry", telemetry(reading(1, soc=40)), NOON)
        set_ward_shifts("ward-3a", ["21:00"], "test", NOON)
        promise = state().promised_min
    monkeypatch.setattr("fleet.api.clock.now", lambda: NOON + seconds(60))
    shown = ward.get(f"{API}/availability").json["items"][0]["runtime"]
    assert promise is not None
    assert shown == {
        "promised_min": promise - 1,
        "empty_min": 239,
        "full_in_min": None,
        "shift_end": "2026-11-24T20:00:00.000Z",
        "lasts_shift": False,
        "dies_at": "2026-11-24T16:00:00.000Z",
    }
    monkeypatch.setattr("fleet.api.clock.now", lambda: NOON + timedelta(hours=1))
    later = ward.get(f"{API}/availability").json["items"][0]["runtime"]
    assert (later["promised_min"], later["dies_at"], later["lasts_shift"]) == (None, None, None)


def test_the_device_page_says_what_the_promise_is_made_of(app: Flask, client: FlaskClient) -> None:
    now = datetime.now(UTC)
    with app.app_context():
        build_hospital(now=now)
        say("telemetry", telemetry(reading(1, soc=90, at=now)), now)
    ada = signed_in(app, client)
    page = ada.get("/it/devices/cart-001").text
    assert "the capacity that its packs report, as none is learned yet" in page
    assert "<rect" not in page[page.index('id="runtime"') :]
    with app.app_context():
        learn(36_400, ma=1_800)
        profile = np.full(168, np.nan, "<f4")
        profile[[30, 31]] = 900, 1_800
        with transaction() as session:
            session.get_one(DeviceEndurance, 1).profile = profile.tobytes()
        db.session.remove()
    page = ada.get("/it/devices/cart-001").text
    assert "36.4 Ah learned from its own swings (± 5%)" in page
    assert "what it usually draws in 2 of the week&#39;s 168 hours" in page
    assert page[page.index('id="runtime"') :].count("<rect x=") == 2
    assert "Tuesday 06:00, 900 mA" in page
