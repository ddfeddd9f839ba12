"""Every page as people see it: `python -m tests.screenshots [OUTDIR]`, or `make screenshots`."""

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from flask import Flask
from playwright.sync_api import Browser, Page, sync_playwright

from fleet import create_app
from fleet.config import Settings
from fleet.store.migrate import upgrade
from tests.browser.busy_night import NONE_READY, PASSWORD, USER, build
from tests.browser.server import serving
from tests.support.browser import SCREENS, launch

BOARDS = {
    "wards": "/",
    "ward": "/wards/ward-2a",
    "ward-none-ready": f"/wards/{NONE_READY}",
    "ward-tablets": "/wards/ward-2a?kind=tablet",
}
ENTRANCES = {"login": "/login", "setup-spent": "/setup/spent", "not-found": "/nowhere"}
CONSOLE = {
    "overview": "/it",
    "devices": "/it/devices",
    "devices-found": "/it/devices?q=017",
    "device": "/it/devices/cart-001",
    "device-drifted": "/it/devices/cart-023#compliance",
    "register": "/it/register",
    "alerts": "/it/alerts",
    "quarantine": "/it/quarantine",
    "profiles": "/it/profiles",
    "profile": "/it/profiles/medication-cart",
    "diff": "/it/profiles/medication-cart/diff?from=1&to=2",
    "audit": "/it/audit",
    "tokens": "/it/tokens",
}


def main(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(busy_app(Path(folder))) as address,
        sync_playwright() as playwright,
    ):
        browser = launch(playwright)
        for screen in SCREENS:
            for scheme in ("light", "dark"):
                _shoot(browser, address, out, screen, scheme)
        browser.close()


def busy_app(folder: Path) -> Flask:
    """The application over a hospital on a busy night."""
    settings = Settings.from_env({"FLEET_DATA_DIR": str(folder)})
    settings.make_data_dir()
    upgrade(settings.database_url)
    app = create_app(settings)
    with app.app_context():
        build(datetime.now(UTC))
    return app


def sign_in(page: Page) -> None:
    page.goto("/login")
    page.locator("[name=username]").fill(USER)
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/it")


def _shoot(browser: Browser, address: str, out: Path, screen: str, scheme: str) -> None:
    width, height = SCREENS[screen]
    page = browser.new_page(
        viewport={"width": width, "height": height},
        base_url=address,
        color_scheme="dark" if scheme == "dark" else "light",
    )
    pages = BOARDS if scheme == "dark" else BOARDS | ENTRANCES
    for name, path in pages.items():
        _take(page, path, out / f"{name}-{screen}-{scheme}.png", whole=screen == "phone")
    sign_in(page)
    for name, path in CONSOLE.items():
        _take(page, path, out / f"{name}-{screen}-{scheme}.png", whole=True)
    page.close()


def _take(page: Page, path: str, file: Path, whole: bool) -> None:
    page.goto(path)
    if "/it/devices/" in path:
        page.locator(".chart canvas").wait_for()
    page.screenshot(path=file, full_page=whole)
    print(file)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "screenshots"))
