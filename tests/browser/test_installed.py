"""The board as an app: it opens without its server, and says how old is what it shows."""

import json
import struct
from datetime import UTC, datetime, timedelta
from urllib.request import urlopen

import pytest
from flask import Flask, Response, request
from playwright.sync_api import Page, expect

from fleet.web import bundle
from tests.browser.server import serving
from tests.support.browser import Pages, axe_violations
from tests.support.hospital import build_hospital, reading, say, telemetry
from tests.support.processes import free_port
from tests.support.waiting import wait_until

WARD = "/wards/ward-3a"
DEADLINE_S = 75
NETWORK_ERRORS = ("Failed to load resource", "net::ERR")
IS_KEPT = """async (words) => {
  if (!navigator.serviceWorker.controller || !(await caches.match(location.href))) return false;
  const kept = await caches.match(document.querySelector("[data-board]").dataset.url);
  return Boolean(kept) && (await kept.text()).includes(words);
}"""


@pytest.fixture
def app(sqlite_url: str, app: Flask) -> Flask:
    return app


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def board(page: Pages, port: int) -> Page:
    return page("phone", allow=NETWORK_ERRORS, base_url=f"http://127.0.0.1:{port}")


def hear(app: Flask, device_id: str, soc: int, ago_s: float = 0, seq: int = 1) -> None:
    at = datetime.now(UTC) - timedelta(seconds=ago_s)
    with app.app_context():
        if device_id == "cart-001" and seq == 1:
            build_hospital(carts=3, now=at)
        say("telemetry", telemetry(reading(seq, soc, at)), at, device_id)


def open_until_kept(board: Page, words: str = "CART-001") -> None:
    board.goto(WARD)
    wait_until_kept(board, words)


def wait_until_kept(board: Page, words: str) -> None:
    wait_until(lambda: board.evaluate(IS_KEPT, words), timeout=15, what=f"a kept board: {words}")


def later(board: Page, seconds: int) -> None:
    """This screen's clock, from the next page on."""
    board.add_init_script(f"const now = Date.now; Date.now = () => now() + {seconds * 1000}")


def test_a_board_opened_without_its_server_shows_the_last_picture_and_its_age(
    app: Flask, board: Page, port: int
) -> None:
    hear(app, "cart-001", 92)
    hear(app, "cart-002", 85)
    with serving(app, port):
        open_until_kept(board)
        hear(app, "cart-001", 12, seq=2)
        expect(board.locator("#plug-in")).to_contain_text("CART-001")
        wait_until_kept(board, "Take CART-002")
    board.goto(WARD)
    expect(board.locator("#lost")).to_contain_text("Connection lost · shown as of")
    expect(board.locator("#lost")).to_contain_text("s ago")
    expect(board.locator("#plug-in")).to_contain_text("CART-001")
    expect(board.locator("#best")).to_contain_text("CART-002")
    assert board.evaluate("getComputedStyle(document.querySelector('main')).filter") != "none"
    assert axe_violations(board) == []


def test_nothing_is_ready_on_a_kept_board_that_nobody_has_heard_of_since(
    app: Flask, board: Page, port: int
) -> None:
    hear(app, "cart-001", 92)
    with serving(app, port):
        open_until_kept(board)
        expect(board.locator("#best")).to_contain_text("CART-001")
    later(board, 3 * 3600)
    board.goto(WARD)
    expect(board.locator("#not-heard-of")).to_contain_text("CART-001")
    expect(board.locator("#take")).to_be_hidden()
    expect(board.locator("#none")).to_be_visible()
    expect(board.locator("#lost")).to_contain_text("(3 h ago)")


def test_a_clock_that_was_put_back_makes_nothing_young(app: Flask, board: Page, port: int) -> None:
    hear(app, "cart-001", 92)
    with serving(app, port):
        open_until_kept(board)
    later(board, -3600)
    board.goto(WARD)
    expect(board.locator("#not-heard-of")).to_contain_text("CART-001")
    expect(board.locator("#take")).to_be_hidden()


def test_nothing_can_be_done_on_a_board_without_its_server_and_all_again_with_it(
    app: Flask, board: Page, port: int
) -> None:
    hear(app, "cart-001", 92)
    take = board.get_by_role("button", name="Take it")
    closed = "<button id='closed' disabled>Closed</button>"
    with serving(app, port):
        open_until_kept(board)
        expect(take).to_be_enabled()
    board.goto(WARD)
    board.evaluate("html => main.insertAdjacentHTML('beforeend', html)", closed)
    expect(board.locator("#lost")).to_be_visible()
    for button in board.locator("main button").all():
        expect(button).to_be_disabled()
    with serving(app, port):
        expect(board.locator("#lost")).to_be_hidden()
        expect(take).to_be_enabled()
        expect(board.locator("#closed")).to_be_disabled()


def test_a_kept_board_follows_again_once_the_server_is_back(
    app: Flask, board: Page, port: int
) -> None:
    hear(app, "cart-001", 92)
    with serving(app, port):
        open_until_kept(board)
    board.goto(WARD)
    expect(board.locator("#lost")).to_be_visible()
    hear(app, "cart-001", 11, seq=2)
    with serving(app, port):
        expect(board.locator("#lost")).to_be_hidden()
        expect(board.locator("#plug-in")).to_contain_text("CART-001")


def test_a_new_version_reaches_a_kept_board_by_itself(
    app: Flask, board: Page, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    hear(app, "cart-001", 92)
    with serving(app, port):
        open_until_kept(board)
    board.goto(WARD)
    expect(board.locator("#lost")).to_be_visible()
    monkeypatch.setattr(bundle, "_build", lambda: "newer")
    with serving(app, port):
        expect(board.locator("body[data-build='newer.en']")).to_be_visible()
        expect(board.locator("#lost")).to_be_hidden()
        wait_until_kept(board, "newer.en")
    board.goto(WARD)
    expect(board.locator("body[data-build='newer.en']")).to_be_visible()


def test_what_belongs_to_a_persons_session_is_not_kept(app: Flask, board: Page, port: int) -> None:
    @app.after_request
    def signed_in(answer: Response) -> Response:
        if request.path.startswith("/wards/") and app.config.get("SIGNED_IN"):
            answer.headers["Cache-Control"] = "no-store"
            if answer.status_code == 200:
                answer.set_data(answer.get_data(as_text=True).replace("</main>", "Ada</main>"))
        return answer

    hear(app, "cart-001", 92)
    with serving(app, port):
        open_until_kept(board)
        app.config["SIGNED_IN"] = True
        hear(app, "cart-001", 90, seq=2)
        expect(board.locator("main")).to_contain_text("Ada")
        board.goto(WARD)
        expect(board.locator("main")).to_contain_text("Ada")
    board.goto(WARD)
    expect(board.locator("#lost")).to_be_visible()
    expect(board.locator("main")).to_contain_text("CART-001")
    expect(board.locator("main")).not_to_contain_text("Ada")


def test_a_board_never_opened_here_says_that_there_is_no_picture_of_it(
    app: Flask, board: Page, port: int
) -> None:
    hear(app, "cart-001", 92)
    with serving(app, port):
        open_until_kept(board)
    board.goto("/wards/ward-9z")
    expect(board.get_by_role("heading")).to_have_text("No connection")
    assert axe_violations(board) == []


def test_the_wards_board_can_be_installed_under_its_own_name(
    app: Flask, board: Page, port: int
) -> None:
    hear(app, "cart-001", 92)
    with serving(app, port) as address:
        open_until_kept(board)
        browser = board.context.new_cdp_session(board)
        found = browser.send("Page.getAppManifest")
        assert found["errors"] == []
        refusals = browser.send("Page.getInstallabilityErrors")["installabilityErrors"]
        # Every test's browser is a private window.
        assert [r["errorId"] for r in refusals if r["errorId"] != "in-incognito"] == []
        manifest = json.loads(found["data"])
        assert (manifest["name"], manifest["start_url"]) == ("3A · Wardfleet", WARD)
        for icon in manifest["icons"]:
            assert icon["sizes"] == "x".join(map(str, size_of_png(address + icon["src"])))


def size_of_png(address: str) -> tuple[int, int]:
    with urlopen(address) as answer:
        data = answer.read()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    return width, height
