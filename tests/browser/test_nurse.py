"""What a nurse does at the ward's screen, in a real browser: by badge, by tap, by the code."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, Route, expect
from sqlalchemy import select, update

from fleet import create_app
from fleet.config import Settings
from fleet.services.add_user import add_user
from fleet.services.badges import give_badge
from fleet.services.fix_fault import fix_fault
from fleet.services.floor_plans import draw_zones, set_picture
from fleet.services.kiosks import add_kiosk
from fleet.services.shifts import set_site_shifts
from fleet.store.database import db, transaction
from fleet.store.models import AuditEntry, DeviceCommand, DeviceState, FaultReport, KioskSession
from tests.browser.server import serving
from tests.support.browser import Pages, axe_violations
from tests.support.console import signed_in
from tests.support.hospital import build_hospital, reading, say, telemetry

WARD = "/wards/ward-3a"
BADGE, PIN = "04A1B2C3D4", "2580"
NETWORK = ("Failed to load resource", "net::ERR")
SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 200"><rect width="300" height="200"'
    b' fill="#fff" stroke="#000"/><text x="20" y="40">3A</text></svg>'
)


@pytest.fixture
def app(sqlite_url: str, tmp_path: Path) -> Iterator[Flask]:
    """The browser does not care which database it is."""
    settings = Settings.from_env(
        {
            "FLEET_DATABASE_URL": sqlite_url,
            "FLEET_DATA_DIR": str(tmp_path / "data"),
            "FLEET_KIOSK_IDLE_S": "120",
        }
    )
    app = create_app(settings)
    yield app
    with app.app_context():
        for engine in app.extensions["sqlalchemy"].engines.values():
            engine.dispose()


@pytest.fixture
def ward(app: Flask) -> Iterator[str]:
    now = datetime.now(UTC)
    with app.app_context():
        build_hospital(carts=4, now=now)
        for number, soc in ((1, 92), (2, 85)):
            say("telemetry", telemetry(reading(1, soc, now)), now, f"cart-{number:03d}")
        add_user("ana", "correct horse battery", "test", now, "ward_nurse", "ward:ward-3a")
        give_badge("ana", BADGE, PIN, app.config["SECRET_KEY"], "test", now)
    with serving(app) as address:
        yield address


def at_the_screen(app: Flask, board: Page) -> Page:
    """It is registered as IT has it: by a code, typed once."""
    with app.app_context():
        code = add_kiosk("ward-3a", "nurses' station", "user:it", datetime.now(UTC))
    board.goto("/screen")
    board.get_by_label("Code from IT").fill(code)
    board.get_by_role("button", name="Register").click()
    board.wait_for_url(f"**{WARD}")
    return board


def scan(page: Page, badge: str = BADGE) -> None:
    """As a reader that is a keyboard: quickly, wherever the focus is, and Enter."""
    page.keyboard.type(badge)
    page.keyboard.press("Enter")


def tap_pin(page: Page, pin: str = PIN) -> None:
    for digit in pin:
        page.locator(f'[data-digit="{digit}"]').click()
    page.get_by_role("button", name="OK").click()


def hold(app: Flask) -> str | None:
    with app.app_context():
        return db.session.get_one(DeviceState, 1).hold


def test_a_nurse_takes_the_best_cart_with_badge_and_pin_and_undoes_it(
    app: Flask, ward: str, page: Pages
) -> None:
    board = at_the_screen(app, page("wall", base_url=ward, allow=NETWORK))
    other = page("phone", base_url=ward)
    other.goto(WARD)
    board.get_by_role("button", name="Take it").click()
    sheet = board.get_by_role("dialog")
    expect(sheet).to_contain_text("Hold your badge to the reader")
    expect(sheet.locator(".pending").first).to_have_text("Take it: CART-001")
    assert axe_violations(board) == []
    scan(board)
    expect(sheet).to_contain_text("ana: your PIN")
    assert axe_violations(board) == []
    tap_pin(board)
    expect(board.locator("#toast")).to_contain_text("You have taken CART-001")
    expect(board.locator("#in-use")).to_contain_text("CART-001")
    expect(other.locator("#in-use")).to_contain_text("CART-001")
    expect(board.locator("#best")).to_contain_text("CART-002")
    expect(board.locator("#person")).to_contain_text("ana")
    board.get_by_role("button", name="Undo").click()
    expect(board.locator("#toast")).to_contain_text("Undone")
    expect(other.locator("#best")).to_contain_text("CART-001")
    assert hold(app) is None
    board.locator('#card-CART-001 [data-deed="take"]').click()
    expect(board.locator("#toast")).to_contain_text("You have taken CART-001")
    # Last, because it takes longer than something can be undone.
    assert axe_violations(board) == []


def test_who_taps_and_walks_off_leaves_nothing_to_the_next_who_shows_a_badge(
    app: Flask, ward: str, page: Pages
) -> None:
    opened = page("wall", base_url=ward, allow=NETWORK)
    opened.clock.install()
    board = at_the_screen(app, opened)
    board.get_by_role("button", name="Take it").click()
    sheet = board.get_by_role("dialog")
    expect(sheet).to_contain_text("Hold your badge to the reader")
    board.clock.fast_forward(31_000)
    expect(sheet).to_be_hidden()
    scan(board)
    expect(sheet).to_contain_text("ana: your PIN")
    expect(sheet.locator(".pending").last).to_be_empty()
    tap_pin(board)
    expect(sheet).to_be_hidden()
    expect(board.locator("#person")).to_contain_text("ana")
    assert hold(app) is None


def test_a_badge_held_to_the_reader_first_saves_a_tap_and_a_wrong_pin_is_told(
    app: Flask, ward: str, page: Pages
) -> None:
    board = at_the_screen(app, page("phone", base_url=ward, allow=NETWORK))
    scan(board)
    sheet = board.get_by_role("dialog")
    expect(sheet).to_contain_text("ana: your PIN")
    tap_pin(board, "1357")
    expect(sheet).to_contain_text("That PIN is not right")
    board.keyboard.type(PIN)
    board.keyboard.press("Enter")
    expect(sheet).to_be_hidden()
    board.locator("#card-CART-002").get_by_role("button", name="Take").click()
    expect(board.locator("#in-use")).to_contain_text("CART-002")
    board.locator("#card-CART-002").get_by_role("button", name="Return").click()
    expect(board.locator("#take")).to_contain_text("CART-002")
    expect(board.locator("#toast")).to_contain_text("CART-002 is returned")


def test_who_comes_second_is_told_who_was_first(app: Flask, ward: str, page: Pages) -> None:
    opened = page("wall", base_url=ward, allow=NETWORK, service_workers="block")
    board = at_the_screen(app, opened)
    scan(board)
    tap_pin(board)
    expect(board.get_by_role("dialog")).to_be_hidden()
    from fleet.services.holds import Hand
    from fleet.services.take_device import take_device

    build = board.locator("body").get_attribute("data-build") or ""

    def unchanged(route: Route) -> None:
        told = {"X-Now": str(int(datetime.now(UTC).timestamp() * 1000)), "X-Build": build}
        route.fulfill(status=304, headers=told)

    board.route(re.compile("/board"), unchanged)  # it has not heard of it yet
    with app.app_context():
        take_device("cart-001", Hand("user:ben"), datetime.now(UTC))
    board.locator('#best [data-deed="take"]').click()
    expect(board.locator("#toast")).to_contain_text("Ben was first: took CART-001")


def test_broken_has_three_large_reasons_it_has_a_ticket_and_the_board_says_when_it_is_fixed(
    app: Flask, ward: str, page: Pages
) -> None:
    board = at_the_screen(app, page("phone", base_url=ward, allow=NETWORK))
    scan(board)
    tap_pin(board)
    expect(board.get_by_role("dialog")).to_be_hidden()
    board.locator("#card-CART-001").get_by_role("link", name="Broken, find").click()
    reasons = board.locator(".reason")
    expect(reasons).to_have_text(
        ["Will not charge", "Application or screen", "Wheels, drawers or lock"]
    )
    assert axe_violations(board) == []
    expect(board.locator("#person")).to_contain_text("ana")
    reasons.nth(2).click()
    expect(board.locator("#toast")).to_contain_text("IT has a ticket")
    expect(board.locator(".says")).to_contain_text("Wheels, drawers or lock")
    board.goto(WARD)
    expect(board.locator("#out-of-service")).to_contain_text("wheels, drawers or lock")

    with app.app_context():
        ticket = db.session.scalars(select(FaultReport.id)).one()
        fix_fault(ticket, "user:it", datetime.now(UTC), "oiled")
    expect(board.locator(".news")).to_contain_text("CART-001 is fixed")
    expect(board.locator("#take")).to_contain_text("CART-001")


def test_control_26_the_screen_forgets_who_stood_there_and_clears_the_page(
    app: Flask, ward: str, page: Pages
) -> None:
    board = at_the_screen(app, page("wall", base_url=ward, allow=NETWORK))
    board.clock.install()
    board.goto("/carts/cart-001")
    scan(board)
    tap_pin(board)
    expect(board.locator("#person")).to_contain_text("ana")
    expect(board.get_by_role("dialog")).to_be_hidden()  # the PIN was taken: it counts from now
    board.clock.fast_forward(121_000)
    board.wait_for_url(f"**{WARD}")
    expect(board.locator("#person")).to_be_hidden()
    assert "ana" not in (board.locator("#person").text_content() or "")
    answer = board.request.get("/badge")
    assert answer.status == 401
    with app.app_context():
        assert db.session.scalars(select(KioskSession)).all() == []


def test_control_26_also_where_the_page_itself_sleeps(app: Flask, ward: str, page: Pages) -> None:
    board = at_the_screen(app, page("wall", base_url=ward, allow=NETWORK))
    scan(board)
    tap_pin(board)
    expect(board.get_by_role("dialog")).to_be_hidden()
    with app.app_context(), transaction() as session:
        past = datetime.now(UTC) - timedelta(seconds=1)
        session.execute(update(KioskSession).values(idle_at=past))
    board.locator('#best [data-deed="take"]').click()
    expect(board.get_by_role("dialog")).to_contain_text("Hold your badge to the reader")
    assert hold(app) is None


def test_the_code_on_a_cart_opens_exactly_its_card_on_a_phone(
    app: Flask, ward: str, page: Pages
) -> None:
    from fleet.store.queries.kiosks import Label
    from fleet.web.cart_labels_pdf import cart_labels_pdf

    address = f"{ward}/carts/cart-002"
    assert cart_labels_pdf([(Label("cart-002", "CART-002", "3A"), address)]).startswith(b"%PDF")
    phone = page("phone", base_url=ward, allow=NETWORK)
    phone.goto(address)
    expect(phone.locator(".card")).to_have_count(1)
    expect(phone.locator(".card")).to_contain_text("CART-002")
    assert axe_violations(phone) == []
    phone.locator('[data-deed="take"]').click(no_wait_after=True)
    phone.wait_for_url("**/login?next=/carts/cart-002")


def test_a_cart_is_found_on_the_floor_plan_and_made_to_ring_by_the_badge_alone(
    app: Flask, ward: str, page: Pages
) -> None:
    with app.app_context():
        now = datetime.now(UTC)
        set_picture("ward-3a", SVG, "user:it", now)
        draw_zones("ward-3a", {"3A-bay-1": "10,20 40,80"}, "user:it", now)
    board = at_the_screen(app, page("phone", base_url=ward, allow=NETWORK))
    board.goto("/carts/cart-001")
    expect(board.locator(".last")).to_contain_text("Last in bay 1")
    expect(board.locator(".last time")).to_contain_text("ago")
    plan = board.locator(".plan img")
    assert plan.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    surface = board.locator(".plan svg").first
    box, drawn = plan.bounding_box(), surface.bounding_box()
    assert box
    assert drawn == pytest.approx(box, abs=1)  # so percent of one are of the other
    marked = "zone => (b => [b.x, b.y, b.width, b.height])(zone.getBBox())"
    assert board.locator(".plan polygon").evaluate(marked) == [10, 20, 30, 60]
    board.get_by_role("button", name="Make it ring").click()
    expect(board.get_by_role("dialog")).to_be_visible()
    scan(board)
    expect(board.locator("#toast")).to_contain_text("told to ring")
    with app.app_context():
        command = db.session.scalars(select(DeviceCommand)).one()
    assert (command.name, command.created_by) == ("locate", "user:ana at kiosk/1 nurses' station")
    board.get_by_role("button", name="Take").click()
    expect(board.get_by_role("dialog")).to_contain_text("your PIN")


def test_before_the_handover_the_board_lists_what_to_plug_in(
    app: Flask, ward: str, page: Pages
) -> None:
    local = datetime.now(UTC).astimezone()
    from zoneinfo import ZoneInfo

    soon = (local + timedelta(minutes=20)).astimezone(ZoneInfo("Europe/Berlin"))
    with app.app_context():
        set_site_shifts("lindenhof", [f"{soon:%H:%M}"], "user:it", datetime.now(UTC))
    board = page("wall", base_url=ward)
    board.goto(WARD)
    listed = board.locator(".handover")
    expect(listed).to_contain_text(f"Before {soon:%H:%M}: plug these in")
    expect(listed.locator("li")).to_have_text(re.compile("bay 1.*CART-001.*CART-002"))
    assert axe_violations(board) == []


def test_nothing_is_done_while_the_connection_is_lost(app: Flask, ward: str, page: Pages) -> None:
    board = at_the_screen(app, page("wall", base_url=ward, allow=NETWORK, service_workers="block"))
    scan(board)
    tap_pin(board)
    expect(board.get_by_role("dialog")).to_be_hidden()
    board.route(re.compile("/board"), lambda route: route.abort())
    expect(board.locator("#lost")).to_be_visible()
    expect(board.locator('#best [data-deed="take"]')).to_be_disabled()
    board.locator('#best [data-deed="take"]').dispatch_event("click")
    assert hold(app) is None


@pytest.mark.parametrize("screen", ["phone", "wall"])
def test_what_is_tapped_is_large_enough_for_gloves(
    app: Flask, ward: str, page: Pages, screen: str
) -> None:
    board = at_the_screen(app, page(screen, base_url=ward, allow=NETWORK))
    for address in (WARD, "/carts/cart-001"):
        board.goto(address)
        assert too_small(board) == []
    scan(board)
    expect(board.get_by_role("dialog")).to_contain_text("your PIN")
    assert too_small(board) == []


def too_small(page: Page) -> list[str]:
    return page.evaluate(
        """() => [...document.querySelectorAll("main :is(a, button), :is(dialog, .person) button")]
          .filter((each) => each.checkVisibility())
          .map((each) => [each.textContent.trim(), each.getBoundingClientRect()])
          .filter(([, box]) => box.width < 48 || box.height < 48)
          .map(([words, box]) => `${words}: ${box.width} by ${box.height}`)"""
    )


def test_it_gives_badges_registers_screens_and_closes_tickets_on_its_pages(
    app: Flask, tmp_path: Path, page: Pages
) -> None:
    now = datetime.now(UTC)
    with app.app_context():
        build_hospital(now=now)
    ada = signed_in(app, app.test_client())
    cookie = ada.get_cookie("wardfleet_session")
    assert cookie
    with serving(app) as address:
        desk = page("wall", base_url=address, allow=NETWORK)
        desk.context.add_cookies(
            [{"name": "wardfleet_session", "value": cookie.value, "url": address}]
        )
        desk.goto("/it/badges")
        desk.locator("[name=badge]").fill(BADGE)
        desk.locator("[name=pin]").fill("1234")
        desk.locator("[name=again]").fill("1234")
        desk.get_by_role("button", name="Give this badge").click()
        expect(desk.get_by_role("alert")).to_contain_text("not one digit again and again")
        desk.locator("[name=name]").fill("station")
        desk.get_by_role("button", name="Make a code for a screen").click()
        expect(desk.get_by_role("status")).to_contain_text("Type it on the screen now")
        assert axe_violations(desk) == []
        desk.goto("/it/floors/ward-3a")
        desk.locator("[name=picture]").set_input_files(
            {"name": "plan.svg", "mimeType": "image/svg+xml", "buffer": SVG}
        )
        desk.get_by_role("button", name="Upload").click()
        desk.locator('[data-corners="3A-bay-1"]').focus()
        image = desk.locator(".plan img")
        size = image.bounding_box()
        assert size
        for across, down in ((0.1, 0.1), (0.5, 0.6)):
            image.click(position={"x": size["width"] * across, "y": size["height"] * down},
                        force=True)  # fmt: skip
        expect(desk.locator('[data-corners="3A-bay-1"]')).to_have_value(
            re.compile(r"^(10|9\.9|10\.1),(10|9\.9|10\.1) (50|49\.9|50\.1),(60|59\.9|60\.1)$")
        )
        desk.get_by_role("button", name="Save the zones").click()
        expect(desk.locator(".plan polygon")).to_have_count(1)
        assert axe_violations(desk) == []
    with app.app_context():
        actions = db.session.scalars(select(AuditEntry.action)).all()
    assert {"kiosk.add", "floor.picture", "floor.zones"} <= set(actions)
