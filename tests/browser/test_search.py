"""The search for everything, with the keyboard alone."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.busy_night import sign_in
from tests.support.browser import Pages


@pytest.fixture
def console(busy_night: str, page: Pages) -> Page:
    opened = page("wall", base_url=busy_night)
    sign_in(opened)
    return opened


def test_slash_focuses_it_arrows_choose_and_enter_goes_there(console: Page) -> None:
    console.goto("/it/audit")
    box = console.get_by_role("combobox", name="Search")
    console.keyboard.press("/")
    expect(box).to_be_focused()
    expect(box).to_have_value("")
    box.press_sequentially("cart-01")
    found = console.get_by_role("option")
    expect(found).to_have_count(8)
    expect(found.first).to_contain_text("CART-010")
    box.press("ArrowDown")
    box.press("ArrowDown")
    expect(found.nth(1)).to_have_attribute("aria-selected", "true")
    expect(box).to_have_attribute("aria-activedescendant", "everything-1")
    box.press("ArrowUp")
    box.press("ArrowUp")
    expect(found.last).to_have_attribute("aria-selected", "true")
    box.press("ArrowDown")
    box.press("Enter")
    console.wait_for_url("**/it/devices/cart-010")


def test_enter_alone_leads_to_all_that_was_found_and_escape_closes(console: Page) -> None:
    console.goto("/it")
    console.keyboard.press("/")
    box = console.get_by_role("combobox", name="Search")
    box.press_sequentially("cart-017")
    expect(console.get_by_role("option")).to_have_count(1)
    box.press("Escape")
    expect(console.get_by_role("listbox")).to_be_hidden()
    box.press("Enter")
    console.wait_for_url("**/it/search?q=cart-017")
    expect(console.locator("#search-found a").first).to_have_text("CART-017")


def test_a_slash_typed_into_a_field_is_a_letter(console: Page) -> None:
    console.goto("/it/devices")
    field = console.get_by_label("Asset tag, serial or id")
    field.press_sequentially("a/b")
    expect(field).to_have_value("a/b")


def test_one_that_is_clicked_is_opened(console: Page) -> None:
    console.goto("/it")
    console.get_by_role("combobox", name="Search").press_sequentially("cart-003")
    console.get_by_role("option").first.click()
    console.wait_for_url("**/it/devices/cart-003")
