"""Several carts at once: ticked, looked at, done."""

import pytest
from flask import Flask
from playwright.sync_api import expect

from tests.browser.busy_night import sign_in
from tests.browser.server import serving
from tests.support.browser import Pages, axe_violations


@pytest.mark.parametrize("screen", ["phone", "wall"])
def test_two_ticked_carts_are_looked_at_and_then_moved(
    night: Flask, page: Pages, screen: str
) -> None:
    with serving(night) as address:
        console = page(screen, base_url=address)
        sign_in(console)
        console.goto("/it/devices?q=cart-01")
        for tag in ("CART-010", "CART-011"):
            console.get_by_label(f"Choose {tag}").check()
        bulk = console.get_by_role("form", name="Several devices at once")
        bulk.get_by_label("With those ticked").select_option(label="Move to another ward")
        bulk.get_by_role("combobox", name="Ward", exact=True).select_option(index=1)
        bulk.get_by_role("button", name="Look what changes").click()
        console.wait_for_url("**/it/tasks/1")
        expect(console.locator(".sentence")).to_contain_text("Nothing is done yet")
        expect(console.locator("tbody tr")).to_have_count(2)
        assert axe_violations(console) == []
        console.get_by_role("button", name="Do it").click()
        expect(console.locator("#live p").first).to_contain_text("Done")
        assert axe_violations(console) == []
        console.goto("/it/audit?what=task.")
        expect(console.locator("tbody tr")).to_have_count(2)


def test_a_filter_is_kept_and_found_again(night: Flask, page: Pages) -> None:
    with serving(night) as address:
        console = page("wall", base_url=address)
        sign_in(console)
        console.goto("/it/devices?kind=tablet")
        console.get_by_text("Saved filters and CSV").click()
        console.get_by_label("Keep this filter as").fill("All tablets")
        console.get_by_role("button", name="Keep").click()
        console.goto("/it/devices")
        console.get_by_text("Saved filters and CSV").click()
        console.get_by_role("link", name="All tablets").click()
        console.wait_for_url("**/it/devices?kind=tablet")
        assert axe_violations(console) == []
        with console.expect_download() as download:
            console.get_by_text("Saved filters and CSV").click()
            console.get_by_role("link", name="These as CSV").click()
        assert download.value.suggested_filename.startswith("devices-")
