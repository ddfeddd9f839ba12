"""The code of an authenticator beside the password, as a person meets it."""

import pyotp
import pytest
from flask import Flask
from playwright.sync_api import expect

from tests.browser.busy_night import PASSWORD, USER, sign_in
from tests.browser.server import serving
from tests.support.browser import IMPACTS, Pages, axe_violations


@pytest.mark.parametrize("screen", ["phone", "wall"])
def test_it_is_set_up_and_then_asked_for(night: Flask, page: Pages, screen: str) -> None:
    with serving(night) as address:
        desk = page(screen, base_url=address, allow=("401",))
        sign_in(desk)
        desk.goto("/it/account")
        desk.get_by_role("button", name="Set it up").click()
        secret = pyotp.TOTP(desk.locator("code.secret").inner_text())
        assert axe_violations(desk, *IMPACTS) == []
        desk.get_by_label("The code that it shows now").fill(secret.now())
        desk.get_by_role("button", name="Ask for it from now on").click()
        shown = desk.locator("li code.secret")
        expect(shown).to_have_count(10)
        codes = shown.all_inner_texts()
        assert axe_violations(desk, *IMPACTS) == []

        desk.context.clear_cookies()
        desk.goto("/login")
        desk.get_by_label("User name").fill(USER)
        desk.get_by_label("Password").fill(PASSWORD)
        desk.get_by_role("button", name="Sign in", exact=True).click()
        desk.wait_for_url("**/login/code**")
        assert axe_violations(desk, *IMPACTS) == []
        desk.get_by_label("Code").fill("000000")
        desk.get_by_role("button", name="Sign in", exact=True).click()
        expect(desk.get_by_role("alert")).to_have_text("That code is wrong, or has been used.")
        desk.get_by_label("Code").fill(codes[0])
        desk.get_by_role("button", name="Sign in", exact=True).click()
        desk.wait_for_url("**/it")
        desk.wait_for_load_state("networkidle")
        desk.goto("about:blank")  # or it asks again just when nobody answers any more
