"""Photograph every page of a hospital on a busy night: `make screenshots`.

Pictures go to tests/screenshots; the one of the README to docs/ward-board.png.
"""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from fleet.services.rollouts.blackout import begin_blackout
from tests.browser.busy_night import ADA, busy_app, cut_off, sign_in
from tests.browser.pages import BOARDS, CONSOLE, DURING_AN_OUTAGE, ENTRANCES
from tests.browser.rolling import PAGES as ROLLING
from tests.browser.rolling import WHILE_STOPPED, rolling_app
from tests.browser.server import serving
from tests.support.browser import SCREENS, launch
from tests.support.processes import ROOT

OUT = ROOT / "tests" / "screenshots"


def main() -> None:
    OUT.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        sync_playwright() as playwright,
        serving(app := busy_app(Path(folder))) as address,
    ):
        browser = launch(playwright)
        page = browser.new_page(base_url=address)
        _photograph(page, ENTRANCES | BOARDS)
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(BOARDS["ward"])
        page.screenshot(path=ROOT / "docs" / "ward-board.png")
        sign_in(page)
        _photograph(page, CONSOLE)
        with app.app_context():
            cut_off("ward-2a", datetime.now(UTC))
        _photograph(page, DURING_AN_OUTAGE)
        _roll_out(browser, Path(folder) / "rolling")
        browser.close()
    print(f"{len(list(OUT.glob('*.png')))} pictures in {OUT.relative_to(ROOT)}")


def _roll_out(browser: Browser, folder: Path) -> None:
    app, carts = rolling_app(folder)
    with serving(app) as address:
        page = browser.new_page(base_url=address)
        sign_in(page)
        _photograph(page, ROLLING)
        with app.app_context():
            begin_blackout("Mass casualty, everybody is needed", ADA, carts.now)
        _photograph(page, WHILE_STOPPED)


def _photograph(page: Page, pages: dict[str, str]) -> None:
    for screen, (width, height) in SCREENS.items():
        page.set_viewport_size({"width": width, "height": height})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            for name, address in pages.items():
                page.goto(address)
                if page.locator("[data-chart]").count():
                    page.locator("[data-chart]:not(:empty)").wait_for()  # drawn, or said why not
                picture = OUT / f"{name}-{screen}-{scheme}.png"
                page.screenshot(path=picture, full_page=screen == "phone")


if __name__ == "__main__":
    main()
