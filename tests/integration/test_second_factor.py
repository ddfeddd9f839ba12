"""The second factor: set up, asked for, never taken twice. And what sessions end by."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient

from fleet import create_app
from fleet.config import Settings
from fleet.identity import COOKIE
from fleet.services import second_factor, sign_in
from fleet.services.errors import Conflict, Invalid, TooManyAttempts
from fleet.store.database import db
from fleet.store.models import AuditEntry, LoginSession, RecoveryCode, User
from fleet.web import clock
from tests.integration.test_people import at_once
from tests.support.console import form
from tests.support.staff import PASSWORD, person

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
STEP = timedelta(seconds=30)


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, NOW)


def at(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    monkeypatch.setattr(clock, "now", lambda: moment)


@pytest.fixture
def ada(app: Flask) -> FlaskClient:
    return person(app, "ada", "administrator", now=NOW)


def has_one(app: Flask, name: str = "ada", now: datetime = NOW) -> tuple[pyotp.TOTP, list[str]]:
    """The authenticator of who has just set it up, and their recovery codes."""
    with app.app_context():
        totp = pyotp.TOTP(second_factor.offer_second_factor(name))
        return totp, second_factor.confirm_second_factor(name, totp.at(now), now)


def begin(app: Flask, now: datetime = NOW) -> str:
    """The password was right."""
    with app.app_context():
        token = sign_in.sign_in("ada", PASSWORD, now)
    assert token
    return token


def show(app: Flask, waiting: str, code: str, now: datetime = NOW) -> str | None:
    with app.app_context():
        return sign_in.show_second_factor(waiting, code, now)


def browser(app: Flask, token: str) -> FlaskClient:
    client = app.test_client()
    client.set_cookie(COOKIE, token)
    return client


# --- Set up -----------------------------------------------------------------------------------


def test_a_second_factor_is_set_up_on_the_account_page_and_asked_for_from_then_on(
    app: Flask, ada: FlaskClient
) -> None:
    offered = ada.post(
        "/it/account/second-factor", data=form(ada.get("/it/account").text, back="/it/account")
    )
    assert offered.headers["Cache-Control"] == "no-store"
    assert 'src="data:image/svg+xml' in offered.text
    secret = re.search(r'class="secret">([A-Z2-7]{32})<', offered.text)
    assert secret
    code = pyotp.TOTP(secret[1]).at(NOW)
    shown = ada.post("/it/account/second-factor/confirm", data=form(offered.text, code=code))
    codes = re.findall(r'class="secret">(\w{10})<', shown.text)
    assert len(set(codes)) == second_factor.CODES
    assert secret[1] not in ada.get("/it/account").text

    client = app.test_client()
    data = form(client.get("/login").text, username="ada", password=PASSWORD)
    answer = client.post("/login?next=/it/devices", data=data)
    assert answer.location == "/login/code?next=/it/devices"
    assert client.get("/it").status_code == 401, "the password alone is worth nothing"
    page = client.get(answer.location).text
    answer = client.post(answer.location, data=form(page, code=codes[0]))
    assert (answer.status_code, answer.location) == (303, "/it/devices")
    assert client.get("/it").status_code == 200


def test_it_counts_once_a_code_of_it_was_shown(app: Flask, ada: FlaskClient) -> None:
    with app.app_context():
        secret = second_factor.offer_second_factor("ada")
        with pytest.raises(Invalid, match="code"):
            second_factor.confirm_second_factor("ada", "000000", NOW)
        assert sign_in.sign_in("ada", PASSWORD, NOW)
        codes = second_factor.confirm_second_factor("ada", pyotp.TOTP(secret).at(NOW), NOW)
        assert len(codes) == second_factor.CODES
        with pytest.raises(Conflict):
            second_factor.offer_second_factor("ada")


def test_recovery_codes_are_kept_as_hashes(app: Flask, ada: FlaskClient) -> None:
    _, codes = has_one(app)
    with app.app_context():
        kept = list(db.session.scalars(db.select(RecoveryCode.code_hash)))
    assert len(kept) == len(codes)
    assert not set(kept) & set(codes)


# --- Asked for --------------------------------------------------------------------------------


def test_a_code_lets_in_once(app: Flask, ada: FlaskClient) -> None:
    totp, _ = has_one(app)
    later = NOW + STEP
    assert show(app, begin(app, later), totp.at(later), later)
    assert show(app, begin(app, later), totp.at(later), later) is None


def test_the_code_that_set_it_up_lets_nobody_in(app: Flask, ada: FlaskClient) -> None:
    totp, _ = has_one(app)
    assert show(app, begin(app), totp.at(NOW)) is None


def test_a_code_older_than_one_that_was_taken_is_refused(app: Flask, ada: FlaskClient) -> None:
    totp, _ = has_one(app)
    later = NOW + 4 * STEP
    assert show(app, begin(app, later), totp.at(later), later)
    assert show(app, begin(app, later), totp.at(later - STEP), later) is None
    assert show(app, begin(app, later), totp.at(later + STEP), later)


def test_a_phone_may_be_half_a_minute_off_and_no_more(app: Flask, ada: FlaskClient) -> None:
    totp, _ = has_one(app)
    later = NOW + 20 * STEP
    for steps, is_fine in ((-2, False), (2, False), (-1, True), (1, True)):
        token = show(app, begin(app, later), totp.at(later + steps * STEP), later)
        assert bool(token) == is_fine, steps


def test_of_two_who_show_the_same_code_at_once_one_comes_in(app: Flask, ada: FlaskClient) -> None:
    totp, _ = has_one(app)
    later = NOW + STEP
    waiting = [begin(app, later), begin(app, later)]
    came_in: list[str | None] = []
    at_once(
        app,
        [
            lambda w=w: came_in.append(sign_in.show_second_factor(w, totp.at(later), later))
            for w in waiting
        ],
    )
    assert sum(token is not None for token in came_in) == 1


def test_a_recovery_code_works_once_and_is_typed_as_people_type(
    app: Flask, ada: FlaskClient
) -> None:
    _, codes = has_one(app)
    typed = f" {codes[0][:5].upper()} {codes[0][5:]} "
    assert show(app, begin(app), typed)
    assert show(app, begin(app), codes[0]) is None
    assert show(app, begin(app), codes[1])


def test_nobody_elses_recovery_code_is_good(app: Flask, ada: FlaskClient) -> None:
    person(app, "bob", "viewer", now=NOW)
    has_one(app)
    _, of_bob = has_one(app, "bob")
    assert show(app, begin(app), of_bob[0]) is None


@pytest.mark.parametrize("code", ["", "      ", "12345", "1234567", "١٢٣٤٥٦", "0x1234", "a" * 500])
def test_what_is_no_code_is_refused(app: Flask, ada: FlaskClient, code: str) -> None:
    has_one(app)
    assert show(app, begin(app), code) is None


def test_of_many_codes_five_are_looked_at_and_other_people_are_unaffected(
    app: Flask, ada: FlaskClient
) -> None:
    totp, _ = has_one(app)
    waiting = begin(app)
    for _ in range(sign_in.TRIES):
        assert show(app, waiting, "000000") is None
    later = NOW + STEP
    with pytest.raises(TooManyAttempts):
        show(app, waiting, totp.at(later), later)
    person(app, "bob", "viewer", now=NOW)
    has_one(app, "bob")
    after = NOW + sign_in.WITHIN
    assert show(app, begin(app, after), totp.at(after), after)


def test_the_second_factor_is_waited_for_five_minutes(app: Flask, ada: FlaskClient) -> None:
    totp, _ = has_one(app)
    waiting, late = begin(app), NOW + sign_in.CODE_WITHIN
    assert show(app, waiting, totp.at(late), late) is None


def test_who_has_lost_it_is_helped_by_an_administrator(app: Flask, ada: FlaskClient) -> None:
    bob = person(app, "bob", "viewer", now=NOW)
    has_one(app, "bob")
    page = ada.get("/it/people").text
    answer = ada.post("/it/people/bob/reset-second-factor", data=form(page, back="/it/people"))
    assert answer.status_code == 303
    assert bob.get("/it").status_code == 401, "whoever has the phone now may have the session"
    with app.app_context():
        user = db.session.scalars(db.select(User).filter_by(username="bob")).one()
        assert (user.totp_secret, user.totp_since) == (None, None)
        assert db.session.scalars(db.select(RecoveryCode)).all() == []
        entry = db.session.scalars(
            db.select(AuditEntry).filter_by(action="user.second_factor.reset")
        ).one()
    assert (entry.actor, entry.subject) == ("user:ada", "user/bob")
    assert entry.before == {"second_factor_since": NOW.isoformat()}
    assert entry.after == {"second_factor_since": None}


# --- Required of administrators ---------------------------------------------------------------


@pytest.fixture
def strict(sqlite_url: str, tmp_path: Path) -> Iterator[Flask]:
    """Where a setting asks administrators for it."""
    app = create_app(
        Settings.from_env(
            {
                "FLEET_DATABASE_URL": sqlite_url,
                "FLEET_DATA_DIR": str(tmp_path / "data"),
                "FLEET_ADMINISTRATORS_NEED_A_SECOND_FACTOR": "yes",
            }
        )
    )
    yield app
    with app.app_context():
        db.engine.dispose()


def test_where_it_is_required_an_administrator_sets_it_up_before_anything_else(
    strict: Flask,
) -> None:
    ada = person(strict, "ada", "administrator", now=NOW)
    answer = ada.get("/it/devices")
    assert (answer.status_code, answer.location) == (302, "/it/account")
    assert ada.get("/api/v1/devices").status_code == 403
    assert ada.get("/it/account").status_code == 200
    assert person(strict, "vic", "viewer", now=NOW).get("/it/devices").status_code == 200
    has_one(strict)
    assert ada.get("/it/devices").status_code == 200


# --- Sessions (controls 27 and 28) --------------------------------------------------------------


def test_control_27_a_session_ends_after_twelve_hours_despite_activity(
    app: Flask, ada: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for minutes in range(0, 12 * 60, 20):
        at(monkeypatch, NOW + timedelta(minutes=minutes))
        assert ada.get("/it/account").status_code == 200, minutes
    at(monkeypatch, NOW + sign_in.LASTS)
    assert ada.get("/it/account").status_code == 401


def test_a_session_that_is_not_used_ends_after_half_an_hour(
    app: Flask, ada: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, NOW + timedelta(minutes=29))
    assert ada.get("/it/account").status_code == 200
    at(monkeypatch, NOW + timedelta(minutes=29) + sign_in.IDLE)
    assert ada.get("/it/account").status_code == 401


def test_control_28_the_session_id_changes_at_each_sign_in(app: Flask) -> None:
    person(app, "ada", "administrator", now=NOW)
    tokens = ["chosen by somebody else"]
    for _ in range(2):
        client = app.test_client()
        page = client.get("/login").text
        client.set_cookie(COOKIE, tokens[-1])  # as somebody else has laid it there
        data = form(page, username="ada", password=PASSWORD)
        assert client.post("/login", data=data).status_code == 303
        cookie = client.get_cookie(COOKIE)
        assert cookie
        tokens.append(cookie.value)
    assert len(set(tokens)) == 3
    assert browser(app, tokens[2]).get("/it").status_code == 200
    for old in tokens[:2]:
        assert browser(app, old).get("/it").status_code == 401, "and the former one is over"


def test_control_28_the_session_id_changes_with_the_second_factor(
    app: Flask, ada: FlaskClient
) -> None:
    totp, _ = has_one(app)
    later = NOW + STEP
    waiting = begin(app, later)
    token = show(app, waiting, totp.at(later), later)
    assert token
    assert token != waiting
    assert browser(app, waiting).get("/it").status_code == 401
    with app.app_context():
        assert not db.session.scalars(db.select(LoginSession).filter_by(waits_for_code=True)).all()


def test_a_new_password_ends_every_session(app: Flask, ada: FlaskClient) -> None:
    elsewhere = browser(app, begin(app))
    page = ada.get("/it/account").text
    new = "another horse battery"
    wrong = form(page, old="wrong", new=new, again=new)
    assert ada.post("/it/account/password", data=wrong).status_code == 422
    data = form(page, old=PASSWORD, new=new, again=new)
    assert ada.post("/it/account/password", data=data).status_code == 303
    for client in (ada, elsewhere):
        assert client.get("/it").status_code == 401
    with app.app_context():
        assert sign_in.sign_in("ada", PASSWORD, NOW) is None
        assert sign_in.sign_in("ada", new, NOW)


def test_a_browser_that_was_left_open_sets_none_up_without_the_password(
    app: Flask, ada: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, NOW + timedelta(minutes=11))
    page = ada.get("/it/account").text
    for password in ("", "a guess"):
        answer = ada.post("/it/account/second-factor", data=form(page, password=password))
        assert answer.status_code == 422
        assert "is not your password" in answer.text
    answer = ada.post("/it/account/second-factor", data=form(page, password=PASSWORD))
    assert 'class="secret"' in answer.text


def test_nobody_spends_the_tries_of_somebody_elses_code_by_a_name_that_looks_like_it(
    app: Flask, ada: FlaskClient
) -> None:
    totp, _ = has_one(app)
    with app.app_context():
        for _ in range(sign_in.TRIES):
            assert sign_in.sign_in("code:ada", "x", NOW) is None
        with pytest.raises(TooManyAttempts):
            sign_in.sign_in("code:ada", "x", NOW)
    later = NOW + STEP
    assert show(app, begin(app, later), totp.at(later), later)


def test_who_was_not_let_in_is_named_in_the_log_if_they_are_somebody(
    app: Flask, ada: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    with app.app_context(), caplog.at_level("WARNING"):
        sign_in.sign_in("ada", "wrong", NOW)
        sign_in.sign_in("a password typed as name", "wrong", NOW)
    assert "sign-in refused: ada" in caplog.messages
    assert "sign-in refused: a name that nobody has" in caplog.messages
    assert "a password typed" not in caplog.text
