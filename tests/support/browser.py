"""A real Chromium, and what we ask of every page in it."""

import shutil
from collections.abc import Sequence
from functools import cache
from typing import Any

from playwright.sync_api import Browser, Page, Playwright, expect

from tests.support.processes import ROOT, ensure_installed

SCREENS = {"phone": (390, 844), "wall": (1440, 900)}
COLOURS = ("color-contrast", "link-in-text-block")
"""The rules that look at colours."""
IMPACTS = ("minor", "moderate", "serious", "critical")
BINARIES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# No sandbox inside containers, and no talk with anybody but the page's own server.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


# What comes within a second on a quiet machine may take many times that beside a whole suite.
expect.set_options(timeout=20_000)


@cache
def _axe() -> str:
    return (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text()


def launch(playwright: Playwright) -> Browser:
    ensure_installed("chromium", "libatomic")
    binary = next(filter(None, map(shutil.which, BINARIES)), None)
    assert binary, "Chromium is not installed"
    return playwright.chromium.launch(executable_path=binary, headless=True, args=FLAGS)


class Pages:
    """Opens pages at a screen's size, and remembers what they complained of."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[Any] = []
        self.complaints: list[str] = []

    def __call__(self, screen: str = "wall", *, allow: Sequence[str] = (), **context: Any) -> Page:
        """A fresh page (own cookies) on a screen: "phone" or "wall".

        `allow` names console errors that the test provokes on purpose, by a part of their text;
        everything else goes to Playwright's new_context (base_url, color_scheme, ...).
        """
        width, height = SCREENS[screen]
        opened = self._browser.new_context(viewport={"width": width, "height": height}, **context)
        self._contexts.append(opened)
        page = opened.new_page()
        page.set_default_timeout(30_000)

        def complain(text: str) -> None:
            if not any(part in text for part in allow):
                self.complaints.append(f"{screen}: {page.url}: {text}")

        page.on("console", lambda said: complain(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complain(f"uncaught {error}"))
        return page

    def close(self) -> None:
        for context in self._contexts:
            context.close()


def axe_violations(page: Page, *impacts: str, rules: Sequence[str] = ()) -> list[str]:
    """What axe-core finds wrong for people who see, hear or point differently.

    One line each: rule, impact, and the elements. By default only what is serious or critical, by
    all rules.
    """
    if not page.evaluate("'axe' in window"):
        # Through the debugger's door, which the page's own Content-Security-Policy does not close.
        session = page.context.new_cdp_session(page)
        session.send("Runtime.evaluate", {"expression": _axe()})
        session.detach()
    options = {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})}
    found = page.evaluate("(options) => axe.run(options)", options)["violations"]
    return [
        f"{rule['id']} ({rule['impact']}): {rule['help']}: "
        + ", ".join(" ".join(map(str, node["target"])) for node in rule["nodes"])
        for rule in found
        if rule["impact"] in (impacts or ("serious", "critical"))
    ]
