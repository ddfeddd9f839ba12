"""Every page at both widths, light and dark: nothing serious for axe-core, nothing too wide."""

import pytest
from playwright.sync_api import Page

from tests.browser.busy_night import sign_in
from tests.browser.pages import BOARDS, CONSOLE, ENTRANCES
from tests.support.browser import Pages, axe_violations

SCREENS = ("phone", "wall")
SCHEMES = ("light", "dark")
NOT_FOUND = ("404",)


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_nothing_is_seriously_wrong_with_the_boards_and_entrances(
    busy_night: str, page: Pages, screen: str, scheme: str
) -> None:
    opened = page(screen, base_url=busy_night, color_scheme=scheme, allow=NOT_FOUND)
    assert _problems(opened, BOARDS | ENTRANCES) == []


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_nothing_is_seriously_wrong_with_the_console(
    busy_night: str, page: Pages, screen: str, scheme: str
) -> None:
    opened = page(screen, base_url=busy_night, color_scheme=scheme)
    sign_in(opened)
    assert _problems(opened, CONSOLE) == []


def _problems(page: Page, paths: dict[str, str]) -> list[str]:
    found = []
    for path in paths.values():
        page.goto(path)
        found += [f"{path}: {violation}" for violation in axe_violations(page)]
        too_wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if too_wide > 0:
            found.append(f"{path}: {too_wide} px wider than the screen")
    return found
