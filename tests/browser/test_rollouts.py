"""IT watches a rollout and steers it, with the mouse and with the keyboard, without a reload."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from flask import Flask
from playwright.sync_api import Locator, Page, expect

from fleet.services.rollouts.steer import halt_rollout
from fleet.services.send_command import expire_commands
from fleet.store.database import db
from fleet.store.models import DeviceCommand
from tests.browser.busy_night import ADA, sign_in
from tests.browser.rolling import HALTED, PAUSED, RUNNING, WITH_COMMANDS
from tests.browser.server import serving
from tests.support.browser import Pages
from tests.support.hospital import say, seconds
from tests.support.rollouts import Carts
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(600)
"""The hospital is built as it comes about, turn by turn, and takes its time on a busy machine."""

Press = Callable[[Page, Locator], None]
LAST_OPEN_RING = 2
LIVE_MS = 12_000
"""A page that is live looks again every five seconds."""


class Hospital(NamedTuple):
    app: Flask
    carts: Carts
    page: Page


@pytest.fixture
def hospital(rolling: tuple[Flask, Carts], page: Pages) -> Iterator[Hospital]:
    app, carts = rolling
    with serving(app) as address:
        opened = page("wall", base_url=address)
        sign_in(opened)
        yield Hospital(app, carts, opened)
        opened.goto("about:blank")  # or it asks again just when nobody answers any more


def by_mouse(_page: Page, what: Locator) -> None:
    what.click()


def by_keyboard(page: Page, what: Locator) -> None:
    """From the top of the page, as far as it takes."""
    page.locator("body").press("Tab")
    for _ in range(200):
        if what.evaluate("element => element === document.activeElement"):
            page.keyboard.press("Enter")
            return
        page.keyboard.press("Tab")
    raise AssertionError("no way there by the keyboard")


def stay(page: Page) -> None:
    """What is written on the page goes with a reload."""
    page.evaluate("document.body.dataset.stayed = 'yes'")


def stayed(page: Page) -> bool:
    return page.evaluate("document.body.dataset.stayed") == "yes"


def done_in(page: Page, bar: int) -> float:
    """The width of what is done in this bar, in percent."""
    return float(page.locator(".progress .done").nth(bar).get_attribute("width") or "nan")


def test_the_bar_moves_and_a_failure_shows_its_reason_as_devices_report(hospital: Hospital) -> None:
    app, carts, page = hospital
    with app.app_context():
        done = len(carts.in_state(RUNNING, "succeeded"))
        bad, good, *_ = carts.in_state(RUNNING, "offered")
    page.goto(f"/it/rollouts/{RUNNING}")
    live, failed = page.locator("#live"), page.locator("tbody tr", has_text=bad.upper())
    expect(live).to_contain_text(f"{done} of 60 devices done")
    expect(live).to_contain_text("expected to end 20")
    expect(failed).to_have_count(0)
    before = done_in(page, LAST_OPEN_RING)
    stay(page)
    with app.app_context():
        carts.answer(good)
        carts.answer(bad, screen_timeout_s=5)
        carts.turn()
        assert good in carts.in_state(RUNNING, "succeeded")
        now_done = len(carts.in_state(RUNNING, "succeeded"))
    expect(live).to_contain_text(f"{now_done} of 60 devices done", timeout=LIVE_MS)
    assert done_in(page, LAST_OPEN_RING) > before
    expect(failed).to_contain_text("settings.screen_timeout_s")
    assert stayed(page)


@pytest.mark.parametrize("press", [by_mouse, by_keyboard])
def test_a_rollout_is_paused_resumed_halted_and_rolled_back(
    hospital: Hospital, press: Press
) -> None:
    app, carts, page = hospital
    page.goto(f"/it/rollouts/{RUNNING}")
    for button, word in (("Pause", "Paused"), ("Go on", "Running"), ("Halt", "Halted")):
        press(page, page.get_by_role("button", name=button, exact=True))
        expect(page.locator("#state .badge")).to_have_text(word)
    press(page, page.get_by_role("button", name="Acknowledge the alert"))
    expect(page.locator("#state")).to_contain_text(f"seen by {ADA}")
    press(page, page.get_by_role("button", name="Roll back to 1"))
    expect(page.locator("main")).to_contain_text("back from version 2")
    with app.app_context():
        assert carts.rollout(RUNNING).state == "rolled_back"


@pytest.mark.parametrize("press", [by_mouse, by_keyboard])
def test_the_switch_stops_all_rollouts_and_lets_them_go_on(
    hospital: Hospital, press: Press
) -> None:
    app, carts, page = hospital
    page.goto("/it/rollouts")
    page.get_by_label("Why").fill("mass casualty")
    press(page, page.get_by_role("button", name="Stop all rollouts at once"))
    expect(page.locator(".stopped")).to_contain_text("mass casualty")
    with app.app_context():
        before = carts.in_state(RUNNING, "offered")
        carts.turn(times=3, minutes=5)
        assert set(carts.in_state(RUNNING, "offered")) <= set(before)
    page.goto(f"/it/rollouts/{RUNNING}")
    expect(page.locator("#state")).to_contain_text("All rollouts are stopped: mass casualty")
    page.goto("/it/rollouts")
    press(page, page.get_by_role("button", name="Let them go on"))
    expect(page.locator(".stopped")).to_have_count(0)


def test_no_button_becomes_another_under_the_finger_and_an_old_one_is_refused(
    hospital: Hospital,
) -> None:
    app, carts, page = hospital
    page.goto(f"/it/rollouts/{RUNNING}")
    pause = page.get_by_role("button", name="Pause")
    pause.hover()
    with app.app_context():
        halt_rollout(RUNNING, "user:bob", carts.now)
    expect(page.locator("#state .badge")).to_have_text("Halted", timeout=LIVE_MS)
    expect(pause).to_be_visible()
    pause.click()
    expect(page.locator(".flash.problem")).to_contain_text("has changed since it was read")


def test_a_halted_rollout_needs_somebody_and_is_among_the_alerts(hospital: Hospital) -> None:
    page = hospital.page
    page.goto("/it")
    page.get_by_role("link", name="Decide Rollout has halted").click()
    page.wait_for_url("**/it/rollouts?state=halted")
    expect(page.locator("tbody tr")).to_contain_text("carts 3")
    page.goto("/it/alerts?kind=rollout_halted")
    row = page.locator("tbody tr")
    expect(row).to_contain_text("1 of the canaries failed")
    row.get_by_role("button", name="Acknowledge").click()
    expect(page.locator("tbody tr")).to_contain_text("acknowledged")
    page.get_by_role("link", name="Rollout of carts 3").click()
    page.wait_for_url(f"**/it/rollouts/{HALTED}")


def test_a_paused_rollout_of_another_ward_is_no_alert(hospital: Hospital) -> None:
    page = hospital.page
    page.goto(f"/it/rollouts/{PAUSED}")
    expect(page.get_by_role("button", name="Acknowledge the alert")).to_have_count(0)


@pytest.mark.parametrize("press", [by_mouse, by_keyboard])
def test_each_command_is_sent_with_its_expiry_and_its_end_shows_by_itself(
    hospital: Hospital, press: Press
) -> None:
    app, carts, page = hospital
    page.goto(f"/it/devices/{WITH_COMMANDS}")
    newest = page.locator("#ends li").first
    for name in ("Locate", "Lock", "Reboot", "Refresh"):
        press(page, page.locator("#commands").get_by_role("button", name=name))
        expect(newest).to_contain_text(name)
        expect(newest).to_contain_text("until ")
        expect(newest).to_contain_text("Waiting")
    stay(page)
    with app.app_context():
        sent = wait_until(lambda: _commands(app)[-4:])
        say("cmd", {"v": 1, "id": sent[-1], "done": True}, carts.now, WITH_COMMANDS)
        said = {"v": 1, "id": sent[-2], "done": False, "reason": "its lock is broken"}
        say("cmd", said, carts.now, WITH_COMMANDS)
    expect(newest).to_contain_text("Done", timeout=LIVE_MS)
    expect(page.locator("#ends li").nth(1)).to_contain_text("its lock is broken")
    with app.app_context():
        expire_commands(carts.now + seconds(600))
    expect(page.locator("#ends li").nth(2)).to_contain_text("Expired", timeout=LIVE_MS)
    expect(page.locator("#ends li").nth(3)).to_contain_text("Expired")
    assert stayed(page)


def _commands(app: Flask) -> list[int]:
    with app.app_context():
        db.session.rollback()
        return list(db.session.scalars(db.select(DeviceCommand.id).order_by(DeviceCommand.id)))
