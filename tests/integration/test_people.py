"""Who comes in and who does not: the set-up link, passwords, sessions."""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Barrier, BrokenBarrierError, Thread

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from fleet.cli import main
from fleet.config import Settings
from fleet.services import first_administrator, sign_in
from fleet.services.errors import NotFound, ServiceError
from fleet.services.first_administrator import create_administrator, offer
from fleet.services.secrets import token_hash
from fleet.store.database import db, transaction
from fleet.store.models import User
from fleet.store.people import SetupLink
from fleet.web import clock
from tests.support.hospital import build_hospital, reading, run_low, say, telemetry

PASSWORD = "correct horse battery"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LONG_NAME = "a" * 64


def form(page: str, **values: str) -> dict[str, str]:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    return {"csrf_token": found[1], **values}


def enter(app: Flask, name: str = "ada", now: datetime = NOW) -> None:
    with app.app_context():
        token = offer(now)
        assert token
        create_administrator(token, name, PASSWORD, now)


def try_password(
    app: Flask, password: str, name: str = "ada", now: datetime = NOW, address: str = ""
) -> str | None:
    with app.app_context():
        return sign_in.sign_in(name, password, now, address)


def at_once(app: Flask, tries: list[Callable[[], object]]) -> list[BaseException]:
    """Each in a thread of its own, all let go at the same moment; what they raised."""
    start, raised = Barrier(len(tries)), []

    def go(attempt: Callable[[], object]) -> None:
        with app.app_context():
            start.wait(10)
            try:
                attempt()
            except ServiceError as error:
                raised.append(error)

    threads = [Thread(target=go, args=(attempt,)) for attempt in tries]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def administrators(app: Flask) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(User)) or 0


# --- The set-up link ------------------------------------------------------------------------


def test_of_two_who_use_the_setup_link_at_once_one_becomes_administrator(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        token = offer(NOW)
    assert token
    both = Barrier(2)

    def hash_slowly(_password: str) -> str:
        """Until the other is here as well, or does not come."""
        with suppress(BrokenBarrierError):
            both.wait(1)
        return "hash"

    monkeypatch.setattr(first_administrator, "hash_password", hash_slowly)
    raised = at_once(
        app,
        [lambda n=name: create_administrator(token, n, PASSWORD, NOW) for name in ("ada", "bob")],
    )
    assert administrators(app) == 1
    assert [type(error) for error in raised] == [NotFound]


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "http://127.0.0.1:8080"), ("0.0.0.0", "https://127.0.0.1:8080")],
)
def test_the_command_prints_a_link_that_can_be_opened(
    app: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch, host: str, address: str
) -> None:
    monkeypatch.setenv("FLEET_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("FLEET_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("FLEET_HTTP_HOST", host)
    answer = CliRunner().invoke(main, ["setup-link"])
    assert answer.exit_code == 0, answer.output
    link = answer.output.strip()
    assert link.startswith(f"{address}/setup/")
    assert app.test_client().get(link.removeprefix(address)).status_code == 200
    enter(app)
    refused = CliRunner().invoke(main, ["setup-link"])
    assert str(refused.exception) == "fleet: there is an administrator already"


def test_a_setup_link_that_is_left_over_makes_no_second_administrator(app: Flask) -> None:
    # As two that are offered at the same moment would leave it.
    enter(app)
    with app.app_context():
        with transaction() as session:
            late = SetupLink(token_hash=token_hash("late"), expires_at=NOW + timedelta(hours=1))
            session.add(late)
        with pytest.raises(NotFound):
            create_administrator("late", "bob", PASSWORD, NOW)
    assert administrators(app) == 1


def test_a_wrong_token_or_a_weak_password_spends_no_link(app: Flask) -> None:
    with app.app_context():
        token = offer(NOW)
        assert token
        with pytest.raises(NotFound):
            create_administrator("wrong", "ada", PASSWORD, NOW)
        with pytest.raises(ServiceError, match="password"):
            create_administrator(token, "ada", "short", NOW)
        create_administrator(token, "ada", PASSWORD, NOW)


def test_the_setup_form_posted_twice_makes_one_administrator(
    app: Flask, client: FlaskClient
) -> None:
    with app.app_context():
        token = offer(datetime.now(UTC))
    page = client.get(f"/setup/{token}").text
    data = form(page, username="ada", password=PASSWORD, again=PASSWORD)
    assert client.post(f"/setup/{token}", data=data).status_code == 303
    again = client.post(f"/setup/{token}", data={**data, "username": "bob"})
    assert again.status_code == 403, "signed in by then, under another session"
    assert administrators(app) == 1


# --- Sessions -------------------------------------------------------------------------------


def test_a_disabled_user_neither_signs_in_nor_stays(app: Flask) -> None:
    enter(app)
    token = try_password(app, PASSWORD)
    assert token
    with app.app_context():
        assert sign_in.signed_in_user(token, NOW)
        with transaction() as session:
            session.execute(update(User).values(disabled_at=NOW))
        assert sign_in.signed_in_user(token, NOW) is None
    assert try_password(app, PASSWORD) is None


def test_the_longest_of_names_can_acknowledge_an_alert(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    enter(app, LONG_NAME)
    with app.app_context():
        build_hospital(now=NOW)
        run_low(NOW)
        say("telemetry", telemetry(reading(1, soc=5, at=NOW)), NOW)
    token = try_password(app, PASSWORD, LONG_NAME)
    assert token
    client.set_cookie("wardfleet_session", token)
    page = client.get("/it/alerts").text
    action = re.search(r'action="(/it/alerts/\d+/acknowledge)"', page)
    assert action
    assert client.post(action[1], data=form(page)).status_code == 303
    assert f"user:{LONG_NAME}" in client.get("/it/alerts").text
