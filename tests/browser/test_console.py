"""The console as IT uses it on Monday."""

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.browser.busy_night import sign_in
from tests.browser.server import serving
from tests.support.browser import Pages


@pytest.fixture
def console(busy_night: str, page: Pages) -> Page:
    opened = page("wall", base_url=busy_night)
    sign_in(opened)
    return opened


def test_the_search_follows_the_typing_and_stands_in_the_address(console: Page) -> None:
    console.goto("/it/devices")
    box = console.get_by_label("Asset tag, serial or id")
    box.press_sequentially("017")
    rows = console.locator("#found tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("CART-017")
    expect(box).to_be_focused()
    console.wait_for_url("**/it/devices?q=017")
    console.reload()
    expect(rows).to_have_count(2)


def test_the_list_is_paged_without_missing_or_repeating_a_device(console: Page) -> None:
    console.goto("/it/devices?kind=medication_cart")
    tags = console.locator("#found tbody th")
    seen = tags.all_inner_texts()
    while console.get_by_role("link", name="Next").count():
        console.get_by_role("link", name="Next").click()
        console.wait_for_load_state()
        seen += tags.all_inner_texts()
    assert seen == [f"CART-{n:03d}" for n in range(1, 49)]


def test_the_chart_draws_from_a_day_to_a_year(console: Page) -> None:
    console.goto("/it/devices/cart-001")
    expect(console.locator(".chart canvas")).to_be_visible()
    for span in ("Week", "Month", "Year", "Day"):
        button = console.get_by_role("button", name=span)
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
        assert console.evaluate(
            """() => {
              const canvas = document.querySelector('.chart canvas');
              const { width, height } = canvas;
              const pixels = canvas.getContext('2d').getImageData(0, 0, width, height);
              return new Set(new Uint32Array(pixels.data.buffer)).size > 10;
            }"""
        )


def test_the_menu_of_a_phone_needs_no_javascript(busy_night: str, page: Pages) -> None:
    phone = page("phone", base_url=busy_night, java_script_enabled=False)
    sign_in(phone)
    phone.get_by_text("Menu", exact=True).click()
    phone.get_by_role("link", name="Rollouts").click()
    phone.wait_for_url("**/it/rollouts")
    phone.get_by_text("Menu", exact=True).click()
    here = phone.get_by_role("link", name="Rollouts")
    expect(here).to_have_attribute("aria-current", "page")


def test_the_menu_of_a_phone_is_closed_by_the_keyboard(busy_night: str, page: Pages) -> None:
    phone = page("phone", base_url=busy_night)
    sign_in(phone)
    menu = phone.locator("details.menu")
    menu.locator("summary").focus()
    phone.keyboard.press("Enter")
    phone.keyboard.press("Tab")
    expect(menu.get_by_role("link", name="Overview")).to_be_focused()
    phone.keyboard.press("Escape")
    expect(menu).not_to_have_attribute("open", "")
    expect(menu.locator("summary")).to_be_focused()


@pytest.mark.parametrize("screen", ["phone", "wall"])
def test_the_head_of_the_console_is_one_line(busy_night: str, page: Pages, screen: str) -> None:
    opened = page(screen, base_url=busy_night)
    sign_in(opened)
    box = opened.locator("header.top").bounding_box()
    assert box
    assert box["height"] <= 72


def test_every_page_of_the_console_is_one_click_away_on_a_wide_screen(console: Page) -> None:
    side = console.get_by_role("navigation", name="Console")
    expect(side).to_have_count(1)
    for name, path in (("All devices", "/it/devices"), ("Audit", "/it/audit")):
        side.get_by_role("link", name=name).click()
        console.wait_for_url(f"**{path}")
        expect(side.locator("[aria-current]")).to_have_text(name)


def test_an_unknown_device_is_registered_from_the_quarantine(night: Flask, page: Pages) -> None:
    with serving(night) as address:
        console = page("phone", base_url=address)
        sign_in(console)
        console.goto("/it/quarantine")
        stranger = console.locator("li", has_text="cart-099")
        stranger.get_by_role("link", name="Register").click()
        expect(console.get_by_label("Device id")).to_have_value("cart-099")
        console.get_by_role("button", name="Register").click()
        console.wait_for_url("**/it/devices/cart-099")
        expect(console.get_by_role("status")).to_contain_text("CART-099 is registered")
        console.goto("/it/quarantine")
        expect(console.locator("li", has_text="cart-099")).to_have_count(0)


def test_a_token_is_shown_once(night: Flask, page: Pages) -> None:
    with serving(night) as address:
        console = page("wall", base_url=address)
        sign_in(console)
        console.goto("/it/tokens")
        console.get_by_label("Name").fill("inventory")
        console.get_by_label("read").check()
        console.get_by_role("button", name="Make a token").click()
        secret = console.locator(".secret").inner_text()
        assert secret.startswith("wf_")
        console.goto("/it/tokens")
        assert secret not in console.content()


def test_the_chart_goes_closer_and_wider_and_to_what_was_drawn_over(console: Page) -> None:
    console.goto("/it/devices/cart-001")
    chart = console.locator("[data-chart]")
    expect(chart.locator("canvas")).to_be_visible()

    def becomes(wanted: int) -> None:
        console.wait_for_function(
            "([low, high]) => { const { since, until } = document.querySelector('[data-chart]')"
            ".dataset; return until - since >= low && until - since <= high; }",
            arg=[wanted - 2, wanted + 2],
        )

    becomes(86_400)
    console.get_by_role("button", name="Closer").click()
    becomes(43_200)
    console.get_by_role("button", name="Wider").click()
    becomes(86_400)
    until = int(chart.get_attribute("data-until") or 0)
    console.get_by_role("button", name="Earlier").click()
    console.wait_for_function(
        "(at) => Math.abs(document.querySelector('[data-chart]').dataset.until - at) < 3",
        arg=until - 43_200,
    )
    console.get_by_role("button", name="Day").click()
    # The day before is as long as the day: only its end tells when the chart was drawn anew.
    console.wait_for_function(
        "(at) => document.querySelector('[data-chart]').dataset.until >= at", arg=until
    )
    box = chart.locator(".u-over").bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2
    console.mouse.move(box["x"] + box["width"] * 0.5, middle)
    console.mouse.down()
    console.mouse.move(box["x"] + box["width"] * 0.75, middle, steps=5)
    console.mouse.up()
    console.wait_for_function(
        "() => { const { since, until } = document.querySelector('[data-chart]').dataset;"
        " return Math.abs(until - since - 21600) < 900; }"
    )
