"""Photograph the ward boards and the console of a demo hospital: `python -m tests.screenshots`.

Pictures go to tests/screenshots; the one of the README to docs/ward-board.png.
"""

import re
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.support.browser import SCREENS, launch
from tests.support.processes import ROOT, free_port, start, stop
from tests.support.waiting import wait_until

OUT = ROOT / "tests" / "screenshots"
PASSWORD = "correct horse battery"
PAGES = {
    "hospital": "/",
    "ward": "/wards/ward-3a",
    "overview": "/it",
    "devices": "/it/devices",
    "device": "/it/devices/cart-008",
    "alerts": "/it/alerts",
    "profiles": "/it/profiles",
    "profile": "/it/profiles/medication-cart",
    "quarantine": "/it/quarantine",
    "register": "/it/register",
    "audit": "/it/audit",
    "tokens": "/it/tokens",
}


def main() -> None:
    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        greeting = Path(folder) / "greeting.txt"
        environ = {
            "FLEET_DATA_DIR": f"{folder}/data",
            "FLEET_HTTP_PORT": str(free_port()),
            "FLEET_MQTT_PORT": str(free_port()),
            "PATH": "/usr/bin:/bin",
        }
        with greeting.open("wb") as output:
            command = [sys.executable, "-m", "fleet.cli", "up", "--demo"]
            service = start(command, env=environ, stdout=output)
        try:
            link = wait_until(
                lambda: re.search(r"(http\S+)/setup/\S+", greeting.read_text()), timeout=60
            )
            with sync_playwright() as playwright:
                browser = launch(playwright)
                page = browser.new_page(base_url=link[1])
                _sign_in(page, link[0])
                _photograph(page)
                browser.close()
        finally:
            stop(service, timeout=30)


def _sign_in(page: Page, link: str) -> None:
    page.goto(link)
    page.locator("[name=username]").fill("ada")
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=again]").fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    page.wait_for_url("**/it")
    page.goto("/wards/ward-3a")
    page.locator("#best").get_by_text("CART-").wait_for(timeout=60_000)


def _photograph(page: Page) -> None:
    for screen, (width, height) in SCREENS.items():
        page.set_viewport_size({"width": width, "height": height})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            for name, address in PAGES.items():
                page.goto(address)
                page.wait_for_load_state("networkidle" if "it" in address else "load")
                page.screenshot(
                    path=OUT / f"{name}-{screen}-{scheme}.png", full_page=screen == "phone"
                )
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto("/wards/ward-3a")
    page.screenshot(path=ROOT / "docs" / "ward-board.png")


if __name__ == "__main__":
    main()
