"""Every page at both widths, light and dark: nothing wrong for axe-core, nothing too wide."""

import pytest
from flask import Flask
from playwright.sync_api import Page

from fleet.services.rollouts.blackout import begin_blackout
from tests.browser.busy_night import ADA, sign_in
from tests.browser.pages import BOARDS, CONSOLE, ENTRANCES
from tests.browser.rolling import PAGES as ROLLING
from tests.browser.rolling import WHILE_STOPPED
from tests.browser.server import serving
from tests.support.browser import COLOURS, IMPACTS, Pages, axe_violations
from tests.support.rollouts import Carts

SCREENS = ("phone", "wall")
NOT_FOUND = ("404",)
NO_PAGES = {
    "board.hospital_fragment", "board.plan", "board.ward_fragment", "carts.cart_fragment",
    "health.alive", "health.ready",
    "installable.manifest", "installable.worker", "it.batteries_pdf",
    "it.chart", "it.export", "it.task_csv", "language.choose", "metrics.metrics", "screen.who",
    "single_sign_on.back", "single_sign_on.begin",
}  # fmt: skip
"""What is fetched, not looked at."""
ELSEWHERE = {"entrance.second_factor", "it.task"}
"""Pages on the way of a story (test_second_factor, test_bulk), looked at there."""


@pytest.mark.parametrize("screen", SCREENS)
def test_nothing_is_wrong_with_the_boards_and_entrances(
    busy_night: str, page: Pages, screen: str
) -> None:
    opened = page(screen, base_url=busy_night, allow=NOT_FOUND)
    assert _problems(opened, BOARDS | ENTRANCES) == []


@pytest.mark.timeout(600)
@pytest.mark.parametrize("screen", SCREENS)
def test_nothing_is_wrong_with_the_console(busy_night: str, page: Pages, screen: str) -> None:
    opened = page(screen, base_url=busy_night)
    sign_in(opened)
    assert _problems(opened, CONSOLE) == []


@pytest.mark.timeout(600)
@pytest.mark.parametrize("screen", SCREENS)
def test_nothing_is_wrong_with_the_pages_of_rollouts(
    rolling: tuple[Flask, Carts], page: Pages, screen: str
) -> None:
    app, carts = rolling
    with serving(app) as address:
        opened = page(screen, base_url=address)
        sign_in(opened)
        assert _problems(opened, ROLLING) == []
        with app.app_context():
            begin_blackout("mass casualty", ADA, carts.now)
        assert _problems(opened, WHILE_STOPPED) == []


def test_every_page_that_can_be_opened_is_among_them(night: Flask) -> None:
    addresses = night.url_map.bind("localhost")
    known = set()
    for path in (BOARDS | ENTRANCES | CONSOLE).values():
        plain = path.partition("?")[0].partition("#")[0]
        if addresses.test(plain):
            known.add(addresses.match(plain)[0])
    pages = {
        rule.endpoint
        for rule in night.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.rule.startswith(("/api/v1/", "/static/"))
    }
    assert pages - known == NO_PAGES | ELSEWHERE


def _problems(page: Page, paths: dict[str, str]) -> list[str]:
    found = []
    for path in paths.values():
        page.emulate_media(color_scheme="light")
        page.goto(path)
        found += [f"{path}: {violation}" for violation in axe_violations(page, *IMPACTS)]
        too_wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if too_wide > 0:
            found.append(f"{path}: {too_wide} px wider than the screen")
        page.emulate_media(color_scheme="dark")  # by which nothing but colours differs
        dark = axe_violations(page, *IMPACTS, rules=COLOURS)
        found += [f"{path}, dark: {violation}" for violation in dark]
    return found
