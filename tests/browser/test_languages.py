"""The boards in other languages, also in one that is longer and runs from right to left."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.busy_night import busy_app
from tests.browser.pages import BOARDS, ENTRANCES
from tests.browser.server import serving
from tests.support import pseudo
from tests.support.browser import Pages, axe_violations

NOT_FOUND = ("404",)
DATA = re.compile(
    r"Wardfleet|IT|Lindenhof|Hospital|(CART|TAB)-\d+|bay|corridor|med room|emar|\d\w\b|"
    r"Medical|Surgical|Surgery|Neurology|Geriatrics|Cardiology|Medicine|kB|MB|h|"
    r"English|Deutsch|Español"
)
"""Names of the hospital's things, which are the same in every language."""
TEXTS = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [...document.querySelectorAll("[aria-label]")].map((e) => e.ariaLabel);
  while (walker.nextNode()) {
    const owner = walker.currentNode.parentElement;
    const named = ".languages ul, .languages .code, .place, h1 small, [aria-labelledby] h2 a";
    if (!owner.closest(`code, script, ${named}`)) {
      found.push(walker.currentNode.data);
    }
  }
  return found.map((text) => text.trim()).filter(Boolean);
}"""
CUT = """() => [...document.querySelectorAll('.card, .card > *, .best, .best > *')]
  .filter((part) => part.scrollWidth > part.clientWidth + 1).map((part) => part.textContent)"""


@pytest.fixture
def many_tongued(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Built for each test: on a busy machine an older night would have fallen silent."""
    app = busy_app(tmp_path_factory.mktemp("night"))
    pseudo.install(app, tmp_path_factory.mktemp("languages"))
    with serving(app) as address:
        yield address


@pytest.mark.parametrize("screen", ["phone", "wall"])
def test_from_right_to_left_and_two_fifths_longer_the_pages_still_hold(
    many_tongued: str, page: Pages, screen: str
) -> None:
    opened = page(screen, base_url=many_tongued, locale=pseudo.CODE, allow=NOT_FOUND)
    for path in (BOARDS | ENTRANCES).values():
        opened.goto(path)
        assert opened.evaluate("document.dir") == "rtl"
        assert _too_wide(opened) <= 0, path
        assert axe_violations(opened) == [], path
        english = [t for t in opened.evaluate(TEXTS) if re.search(r"[A-Za-z]{2}", DATA.sub("", t))]
        assert english == [], path


def test_the_answer_stands_where_reading_begins(many_tongued: str, page: Pages) -> None:
    middles = {}
    for code in ("en", pseudo.CODE):
        board = page("wall", base_url=many_tongued, locale=code)
        board.goto(BOARDS["ward"])
        box = board.locator("#best > .shape").bounding_box()
        assert box
        middles[code] = box["x"] + box["width"] / 2
    assert middles["en"] < 720 < middles[pseudo.CODE]
    assert middles["en"] == pytest.approx(1440 - middles[pseudo.CODE], abs=20)


@pytest.mark.parametrize("screen", ["phone", "wall"])
@pytest.mark.parametrize("code", ["de", "es", "hi"])
def test_every_language_fits_its_board(
    many_tongued: str, page: Pages, screen: str, code: str
) -> None:
    board = page(screen, base_url=many_tongued, locale=code)
    for path in BOARDS.values():
        board.goto(path)
        assert board.evaluate("document.documentElement.lang") == code
        assert _too_wide(board) <= 0, path
        assert board.evaluate(CUT) == [], path


def test_a_language_is_chosen_on_the_screen_and_stays(many_tongued: str, page: Pages) -> None:
    board = page("phone", base_url=many_tongued, java_script_enabled=False)
    board.goto(BOARDS["ward"])
    board.locator(".languages summary").first.click()
    board.get_by_role("link", name="Deutsch").click()
    board.wait_for_url("**" + BOARDS["ward"])
    expect(board.locator("#best .word").first).to_have_text("Nehmen")
    board.goto("/login")
    expect(board.get_by_role("heading")).to_have_text("Anmelden")


def test_what_the_browser_says_by_itself_is_in_the_pages_language(
    many_tongued: str, page: Pages
) -> None:
    board = page("phone", base_url=many_tongued, locale="de")
    board.goto(BOARDS["ward"])
    expect(board.locator("#live")).to_contain_text("Stand ")
    expect(board.locator("#best time")).to_have_text(re.compile(r"^vor \d+ (s|Min\.)$"))
    expect(board.get_by_role("button", name="Dunkel")).to_be_visible()
    was = board.locator("#best time").inner_text()
    expect(board.locator("#best time")).not_to_have_text(was)
    expect(board.locator("#best time")).to_have_text(re.compile(r"^vor \d+ (s|Min\.)$"))


def _too_wide(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))
