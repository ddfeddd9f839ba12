"""The ward board as a nurse uses it: it follows by itself, and never shows old as new."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from fleet.domain.outage import HOLD
from fleet.ingest.pipeline import process
from fleet.services.judge_silence import judge_silence
from tests.browser.server import serving
from tests.support.browser import Pages, axe_violations
from tests.support.hospital import build_hospital, message, reading, say, telemetry
from tests.support.processes import free_port

WARD = "/wards/ward-3a"
DEADLINE_S = 75
"""Four reports of 15 s, and the grace."""
NETWORK_ERRORS = ("Failed to load resource", "net::ERR")


@pytest.fixture
def app(sqlite_url: str, app: Flask) -> Flask:
    """The browser does not care which database it is."""
    return app


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def ward(app: Flask) -> Iterator[str]:
    hear(app, "cart-001", 92)
    hear(app, "cart-002", 85)
    with serving(app) as address:
        yield address


def hear(app: Flask, device_id: str, soc: int, ago_s: float = 0, seq: int = 1) -> None:
    at = datetime.now(UTC) - timedelta(seconds=ago_s)
    with app.app_context():
        if device_id == "cart-001" and seq == 1:
            build_hospital(carts=12, now=at)
        say("telemetry", telemetry(reading(seq, soc, at)), at, device_id)


def card(page: Page, tag: str) -> str:
    """The shape that the card shows, and with it its word and colour."""
    return page.locator(f"#card-{tag}").get_attribute("data-shape") or ""


def test_the_board_follows_a_commit_by_itself(app: Flask, ward: str, page: Pages) -> None:
    board = page("wall", base_url=ward)
    board.goto(WARD)
    expect(board.locator("#best")).to_contain_text("CART-001")
    hear(app, "cart-001", 12, seq=2)
    expect(board.locator("#plug-in")).to_contain_text("CART-001", timeout=20_000)
    expect(board.locator("#best")).to_contain_text("CART-002")
    expect(board.locator("#spoken")).to_contain_text("Take CART-002")


def test_a_ward_that_is_cut_off_is_told_above_everything_and_only_while_it_is(
    app: Flask, ward: str, page: Pages
) -> None:
    names = [f"cart-{n:03d}" for n in range(3, 9)]
    for name in names:
        hear(app, name, 90)
    now = datetime.now(UTC)
    board = page("phone", base_url=ward)
    board.goto(WARD)
    banner = board.locator(".outage")
    expect(banner).to_have_count(0)
    gone = {"online": False, "session": 1}
    with app.app_context():
        process([message("state", gone, now, name) for name in names], now)
        judge_silence(now + HOLD)
    expect(banner).to_contain_text("No word from 6 of 8 devices since", timeout=20_000)
    expect(board.locator("#best")).to_contain_text("CART-001")
    assert banner.bounding_box()["y"] < board.locator("#best").bounding_box()["y"]
    assert axe_violations(board) == []
    for name in names:
        hear(app, name, 90, seq=2)
    with app.app_context():
        judge_silence(now + HOLD)
    expect(banner).to_have_count(0, timeout=20_000)


def test_scroll_and_focus_stay_where_they_are_when_the_board_changes(
    app: Flask, ward: str, page: Pages
) -> None:
    board = page("phone", base_url=ward)
    board.set_viewport_size({"width": 390, "height": 500})
    board.goto("/")
    link = board.get_by_role("link", name="3A")
    link.focus()
    board.evaluate("scrollTo(0, 40)")
    hear(app, "cart-002", 10, seq=2)
    expect(board.locator("#card-CART-002")).to_contain_text("Plug in now", timeout=20_000)
    assert board.evaluate("scrollY") == 40
    expect(link).to_be_focused()


def test_a_card_falls_silent_by_itself_although_the_server_is_gone(app: Flask, page: Pages) -> None:
    hear(app, "cart-001", 92, ago_s=DEADLINE_S - 6)
    hear(app, "cart-002", 85, ago_s=DEADLINE_S - 9)
    board = page("wall", allow=NETWORK_ERRORS)
    with serving(app) as address:
        board.goto(address + WARD)
        expect(board.locator("#best")).to_contain_text("CART-001")
    expect(board.locator("#not-heard-of")).to_contain_text("CART-002", timeout=12_000)
    expect(board.locator("#not-heard-of")).to_contain_text("CART-001", timeout=12_000)
    assert card(board, "CART-001") == "not-heard-of"
    expect(board.locator("#best")).to_be_hidden()
    expect(board.locator("#none")).to_be_visible()
    expect(board.locator("#take")).to_be_hidden()


def test_the_next_best_takes_the_place_of_one_that_fell_silent(app: Flask, page: Pages) -> None:
    hear(app, "cart-001", 92, ago_s=DEADLINE_S - 5)
    hear(app, "cart-002", 85)
    board = page("wall", allow=NETWORK_ERRORS)
    with serving(app) as address:
        board.goto(address + WARD)
        expect(board.locator("#best")).to_contain_text("CART-001")
    expect(board.locator("#best")).to_contain_text("CART-002", timeout=10_000)
    expect(board.locator("#best")).to_contain_text("85")


def test_a_lost_connection_is_said_with_its_age_and_recovers_by_itself(
    app: Flask, page: Pages
) -> None:
    hear(app, "cart-001", 92)
    board = page("wall", allow=NETWORK_ERRORS)
    port = free_port()
    lost = board.locator("#lost")
    with serving(app, port) as address:
        board.goto(address + WARD)
        expect(board.locator("#live")).to_contain_text("as of")
        expect(lost).to_be_hidden()
    expect(lost).to_contain_text("Connection lost · shown as of", timeout=6_000)
    expect(lost).to_contain_text("s ago")
    assert board.evaluate("getComputedStyle(document.querySelector('main')).filter") != "none"
    with serving(app, port):
        expect(lost).to_be_hidden(timeout=6_000)


def test_a_phone_whose_clock_is_an_hour_wrong_shows_right_ages(
    app: Flask, ward: str, page: Pages
) -> None:
    board = page("phone", base_url=ward)
    board.add_init_script("const now = Date.now; Date.now = () => now() + 3600000")
    board.goto(WARD)
    board.wait_for_timeout(1_500)
    age = board.locator("#card-CART-001 time").inner_text()
    assert age.endswith(" s ago")
    assert int(age.split()[0]) < 30
    assert card(board, "CART-001") == "take"


def test_the_chosen_theme_stays_on_this_screen(ward: str, page: Pages) -> None:
    board = page("phone", base_url=ward, color_scheme="light")
    board.goto(WARD)
    ground = "getComputedStyle(document.body).backgroundColor"
    light = board.evaluate(ground)
    board.get_by_role("button", name="Dark").click()
    dark = board.evaluate(ground)
    assert dark != light
    board.reload()
    assert board.evaluate(ground) == dark
    expect(board.get_by_role("button", name="Light")).to_be_visible()


def test_without_javascript_the_board_is_there_and_loads_itself_again(
    ward: str, page: Pages
) -> None:
    board = page("phone", base_url=ward, java_script_enabled=False)
    board.goto(WARD)
    expect(board.locator("#best")).to_contain_text("CART-001")
    refresh = board.locator("head meta[http-equiv=refresh]")
    assert refresh.get_attribute("content") == "5"


@pytest.mark.parametrize("screen", ["phone", "wall"])
def test_whatever_can_be_touched_is_large_enough_for_a_gloved_finger(
    ward: str, page: Pages, screen: str
) -> None:
    board = page(screen, base_url=ward)
    board.goto(WARD)
    for target in board.locator("a:visible:not(.skip), button:visible").all():
        box = target.bounding_box()
        assert box, target
        assert box["height"] >= 48, target.inner_text()


def test_the_whole_hospital_fits_on_one_wall_screen(busy_night: str, page: Pages) -> None:
    board = page("wall", base_url=busy_night)
    board.goto("/")
    cards = board.locator(".card")
    expect(cards).to_have_count(48)
    lowest = board.evaluate(
        "Math.max(...[...document.querySelectorAll('.card')]"
        ".map((card) => card.getBoundingClientRect().bottom))"
    )
    assert lowest <= 900
    cut = board.evaluate(
        "[...document.querySelectorAll('.card, .card > *')]"
        ".filter((part) => part.scrollWidth > part.clientWidth + 1).map((part) => part.textContent)"
    )
    assert cut == []
