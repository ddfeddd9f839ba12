"""A passkey from its making to its end, in a browser with an authenticator of its own."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import CDPSession, Page, expect

from fleet import create_app
from fleet.config import Settings
from fleet.services import passkeys
from fleet.services import sign_in as password
from fleet.services.first_administrator import create_administrator, offer
from fleet.store.database import db
from tests.browser.busy_night import PASSWORD, USER, sign_in
from tests.browser.server import serving
from tests.support.authenticator import Authenticator
from tests.support.browser import IMPACTS, Pages, axe_violations
from tests.support.processes import free_port

REFUSED = ("401",)
"""What Chromium writes into its console when a sign-in is refused."""


@pytest.fixture
def service(sqlite_url: str, tmp_path: Path) -> Iterator[Flask]:
    environ = {"FLEET_DATABASE_URL": sqlite_url, "FLEET_DATA_DIR": str(tmp_path / "data")}
    app = create_app(Settings.from_env(environ | {"FLEET_HTTP_PORT": str(free_port())}))
    now = datetime.now(UTC)
    with app.app_context():
        create_administrator(offer(now) or "", USER, PASSWORD, now)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def address(service: Flask) -> Iterator[str]:
    """By its name: a passkey belongs to one."""
    settings = service.config["FLEET"]
    with serving(service, settings.http_port):
        yield settings.public_address


class Finger:
    """Of who sits before the browser: its authenticator knows them, or not."""

    def __init__(self, page: Page) -> None:
        self._session: CDPSession = page.context.new_cdp_session(page)
        self._session.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
            "hasUserVerification": True, "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }  # fmt: skip
        made = self._session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        self._id = made["authenticatorId"]

    def is_known(self, known: bool) -> None:
        said = {"authenticatorId": self._id, "isUserVerified": known}
        self._session.send("WebAuthn.setUserVerified", said)


def sign_out(page: Page) -> None:
    menu = page.get_by_text("Menu", exact=True)
    if menu.is_visible():
        menu.click()
    page.get_by_role("button", name=f"Sign out {USER}").click()
    page.wait_for_url("**/login")


def by_password(page: Page) -> None:
    """As far as that leads who has a second factor."""
    page.get_by_label("User name").fill(USER)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/login/code**")


@pytest.mark.parametrize("screen", ["phone", "wall"])
def test_a_passkey_is_added_signs_in_stands_beside_the_password_and_is_removed(
    address: str, page: Pages, screen: str
) -> None:
    opened = page(screen, base_url=address, allow=REFUSED)
    finger = Finger(opened)
    sign_in(opened)
    opened.goto("/it/account")
    expect(opened.get_by_text("They work at")).to_be_hidden()
    opened.get_by_label("Name of a new one").fill("my finger")
    opened.get_by_role("button", name="Add a passkey").click()
    expect(opened.locator("code.secret")).to_have_count(10)
    opened.get_by_role("link", name="I have written them down").click()
    expect(opened.get_by_role("listitem").filter(has_text="my finger")).to_contain_text("not used")

    sign_out(opened)
    by_passkey = opened.get_by_role("button", name="Sign in with a passkey")
    expect(by_passkey).to_be_visible()
    finger.is_known(False)
    by_passkey.click()
    expect(opened.get_by_role("alert")).to_have_text(
        "That did not work, or was cancelled. Try again."
    )
    finger.is_known(True)
    by_passkey.click()
    opened.wait_for_url(f"{address}/it")

    sign_out(opened)
    by_password(opened)
    opened.get_by_role("button", name="Use your passkey").click()
    opened.wait_for_url(f"{address}/it")

    opened.goto("/it/account")
    opened.get_by_role("button", name="Remove my finger").click()
    expect(opened.get_by_role("status")).to_contain_text("The passkey is removed")
    sign_out(opened)
    by_passkey.click()
    expect(opened.get_by_role("alert")).to_contain_text("This passkey is not known here")
    sign_in(opened)


def test_at_another_address_than_its_own_no_passkey_is_offered(address: str, page: Pages) -> None:
    elsewhere = page("wall", base_url=address.replace("localhost", "127.0.0.1"))
    elsewhere.goto("/login")
    expect(elsewhere.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    expect(elsewhere.get_by_role("button", name="Sign in with a passkey")).to_be_hidden()
    sign_in(elsewhere)
    elsewhere.goto("/it/account")
    expect(elsewhere.get_by_role("button", name="Add a passkey")).to_be_hidden()
    there = elsewhere.get_by_text("They work at").get_by_role("link")
    expect(there).to_have_attribute("href", f"{address}/it/account#passkeys")


@pytest.mark.parametrize("screen", ["phone", "wall"])
def test_nothing_is_wrong_with_the_pages_that_offer_them(
    service: Flask, address: str, page: Pages, screen: str
) -> None:
    opened = page(screen, base_url=address)
    for scheme in ("light", "dark"):
        opened.emulate_media(color_scheme=scheme)
        opened.goto("/login")
        expect(opened.get_by_role("button", name="Sign in with a passkey")).to_be_visible()
        assert axe_violations(opened, *IMPACTS) == []
    sign_in(opened)
    add(service, "my finger")
    for scheme in ("light", "dark"):
        opened.emulate_media(color_scheme=scheme)
        opened.goto("/it/account")
        expect(opened.get_by_role("button", name="Add a passkey")).to_be_visible()
        assert axe_violations(opened, *IMPACTS) == []
    sign_out(opened)
    by_password(opened)
    for scheme in ("light", "dark"):
        opened.emulate_media(color_scheme=scheme)
        expect(opened.get_by_role("button", name="Use your passkey")).to_be_visible()
        assert axe_violations(opened, *IMPACTS) == []


def add(service: Flask, name: str) -> None:
    """Of the administrator, by another authenticator than this browser has."""
    now, origin = datetime.now(UTC), service.config["FLEET"].public_address
    with service.app_context():
        token = password.sign_in(USER, PASSWORD, now) or ""
        key, told = passkeys.offer_passkey(USER, name, "", token, origin, now)
        made = Authenticator(origin).make(json.loads(told))
        assert passkeys.add_passkey(USER, made, key, origin, now)
