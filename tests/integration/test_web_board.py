"""What the boards answer: cheaply while nothing changes, and never with something stale."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from fleet.domain.outage import HOLD
from fleet.ingest.pipeline import process
from fleet.services.judge_silence import judge_silence
from fleet.services.places import add_ward
from fleet.services.register_devices import NewDevice, register_devices
from fleet.web import clock
from tests.support.api import statements
from tests.support.hospital import build_hospital, message, reading, say, telemetry

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
BOARD = "/wards/ward-3a/board"
DEADLINE = timedelta(seconds=75)
"""Four reports of 15 s, and the grace."""


@pytest.fixture(autouse=True)
def hospital(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    with app.app_context():
        build_hospital(carts=3, now=NOW)
        say("telemetry", telemetry(reading(1, soc=92, at=NOW)), NOW)
        say("telemetry", telemetry(reading(1, soc=85, at=NOW)), NOW, "cart-002")
    at(monkeypatch, NOW + timedelta(seconds=5))


def at(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    monkeypatch.setattr(clock, "now", lambda: moment)


def ask(client: FlaskClient, path: str, etag: str | None = None) -> tuple[int, str, str]:
    answer = client.get(path, headers={"If-None-Match": etag} if etag else {})
    return answer.status_code, answer.headers["ETag"], answer.text


def best_of(page: str) -> str:
    return page[page.index('id="best"') : page.index('id="none"')]


def test_a_304_costs_one_statement(app: Flask, client: FlaskClient) -> None:
    for path in (BOARD, "/board"):
        _, etag, _ = ask(client, path)
        with statements(app) as sent:
            assert ask(client, path, etag)[0] == 304
        assert len([s for s in sent if s.startswith("SELECT")]) == 1


def test_the_board_takes_as_many_statements_for_a_hundred_carts_as_for_three(
    app: Flask, client: FlaskClient
) -> None:
    with statements(app) as few:
        client.get(BOARD)
    with app.app_context():
        new = [NewDevice(f"MORE-{n}", "medication_cart", "ward-3a") for n in range(97)]
        register_devices(new, "test", NOW)
    with statements(app) as many:
        assert client.get(BOARD).text.count('id="card-') == 100
    assert len(many) == len(few)


def test_silence_alone_makes_the_etag_untrue(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, etag, page = ask(client, BOARD)
    assert "CART-001" in best_of(page)
    at(monkeypatch, NOW + DEADLINE - timedelta(seconds=1))
    assert ask(client, BOARD, etag)[0] == 304
    at(monkeypatch, NOW + DEADLINE)
    status, _, page = ask(client, BOARD, etag)
    assert status == 200
    assert "CART-001" not in best_of(page)
    assert "CART-001" in page[page.index('id="not-heard-of"') :]


def test_after_the_last_has_fallen_silent_the_board_stands_still(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, NOW + DEADLINE)
    _, etag, _ = ask(client, BOARD)
    at(monkeypatch, NOW + timedelta(days=3))
    assert ask(client, BOARD, etag)[0] == 304


def test_a_weak_etag_of_a_proxy_is_the_same_etag(client: FlaskClient) -> None:
    _, etag, _ = ask(client, BOARD)
    assert ask(client, BOARD, f"W/{etag}")[0] == 304


@pytest.mark.parametrize("nonsense", ['"x"', '"a-b"', '"--"', '"1-2-3"', "*", '"\u00ff-41-0"'])
def test_an_etag_that_is_not_ours_gets_the_board(client: FlaskClient, nonsense: str) -> None:
    assert ask(client, BOARD, nonsense.encode("utf-8").decode("latin-1"))[0] == 200


def test_every_answer_carries_the_servers_time(client: FlaskClient) -> None:
    _, etag, _ = ask(client, BOARD)
    for headers in ({}, {"If-None-Match": etag}):
        answer = client.get(BOARD, headers=headers)
        assert answer.headers["X-Now"] == str(int(clock.now().timestamp() * 1000))
        assert answer.headers["Cache-Control"] == "no-cache"


def test_with_nothing_to_take_the_board_says_so_and_what_is_ready_first(
    app: Flask, client: FlaskClient
) -> None:
    with app.app_context():
        for device_id, soc in (("cart-001", 60), ("cart-002", 40)):
            pack = {"status": "charging", "power_source": "dock", "current_ma": 10_000}
            said = telemetry(reading(2, soc=soc, at=NOW, battery=pack))
            say("telemetry", said, NOW, device_id)
    page = client.get(BOARD).text
    none = page[page.index('id="none"') : page.index('class="groups"')]
    assert "No cart to take now" in none
    assert "CART-001" in none
    assert "full about" in none
    assert "CART-002" not in none


def test_times_of_the_clock_are_the_wards_own(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        pack = {"status": "charging", "power_source": "dock", "current_ma": 16_000}
        say("telemetry", telemetry(reading(2, soc=40, at=NOW, battery=pack)), NOW)
    # 24 Ah are missing, the last of them slower: 1 h 36 from noon UTC, 13:00 in Berlin.
    assert "full about 14:36" in client.get(BOARD).text


def test_a_cart_lent_to_another_ward_is_shown_where_it_is(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        add_ward("lindenhof", "ward-4", "4 East", "test", NOW, [("4-bay-9", "bay 9")])
        lent = reading(2, soc=92, at=NOW, location={"zone": "4-bay-9"})
        say("telemetry", telemetry(lent), NOW)
    assert "4 East, bay 9" in best_of(client.get(BOARD).text)


def test_carts_and_tablets_have_boards_of_their_own(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        register_devices([NewDevice("TAB-001", "tablet", "ward-3a")], "test", NOW)
    tablets = client.get("/wards/ward-3a?kind=tablet").text
    assert "TAB-001" in tablets
    assert "CART-001" not in tablets
    assert "TAB-001" not in client.get("/wards/ward-3a").text


def test_a_ward_or_a_kind_that_is_not_there_is_not_found(client: FlaskClient) -> None:
    for path in ("/wards/none", "/wards/none/board", "/wards/ward-3a?kind=pump", "/?kind=pump"):
        assert client.get(path).status_code == 404


def test_the_hospitals_board_shows_every_ward_with_its_best_cart(client: FlaskClient) -> None:
    page = client.get("/").text
    first = page[page.index('id="ward-ward-3a"') : page.index('id="ward-ward-3b"')]
    assert 'data-card="CART-001"' in first
    assert first.count('id="card-') == 3
    assert "none to take" in page[page.index('id="ward-ward-3b"') :]


def test_a_hospital_of_many_wards_becomes_a_directory(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        for number in range(30):
            add_ward("lindenhof", f"ward-{number}", f"Ward {number}", "test", NOW)
    page = client.get("/").text
    assert page.count('<section class="ward"') == 32
    assert 'id="card-' not in page


@pytest.fixture
def cut_off(app: Flask) -> None:
    """3A has five more carts, and six of its eight fall silent at once."""
    with app.app_context():
        names = [f"more-{n}" for n in range(5)]
        new = [NewDevice(name.upper(), "medication_cart", "ward-3a", name) for name in names]
        register_devices(new, "test", NOW)
        for name in names:
            say("telemetry", telemetry(reading(1, at=NOW)), NOW, name)
        gone = {"online": False, "session": 1}
        process([message("state", gone, NOW, name) for name in [*names, "cart-002"]], NOW)
        judge_silence(NOW + HOLD)


def test_the_board_of_a_ward_that_is_cut_off_says_since_when_in_its_own_time(
    client: FlaskClient, cut_off: None
) -> None:
    page = " ".join(client.get("/wards/ward-3a").text.split())
    assert "No word from 6 of 7 devices since 13:00" in page  # one never spoke
    assert "CART-001" in best_of(client.get("/wards/ward-3a").text)
    assert "No word" not in client.get("/wards/ward-3b").text


def test_the_hospital_board_says_it_at_the_ward(client: FlaskClient, cut_off: None) -> None:
    page = client.get("/").text
    ward = page[page.index('id="ward-ward-3a"') : page.index('id="ward-ward-3b"')]
    assert "No word from 6 of 7 devices" in " ".join(ward.split())
    assert page.count("No word from") == 1


def test_a_whole_hospital_cut_off_is_said_once_on_its_board_and_on_each_wards(
    app: Flask, client: FlaskClient
) -> None:
    with app.app_context():
        for ward in ("ward-4a", "ward-4b", "ward-5a"):
            add_ward("lindenhof", ward, ward, "test", NOW)
            new = [NewDevice(f"{ward}-{n}", "tablet", ward, f"{ward}-{n}") for n in range(2)]
            register_devices(new, "test", NOW)
            names = [device.identity for device in new]
            for name in names:
                say("telemetry", telemetry(reading(1, at=NOW)), NOW, name)
            gone = {"online": False, "session": 1}
            process([message("state", gone, NOW, name) for name in names], NOW)
        judge_silence(NOW + HOLD)
    page = " ".join(client.get("/").text.split())
    assert "Lindenhof: <b>No word from 6 of 8 devices since 13:00</b>" in page
    assert page.count("No word from") == 1
    assert "No word from 2 of 2 devices" in " ".join(client.get("/wards/ward-4a").text.split())
    assert "No word" not in client.get("/wards/ward-3a").text
