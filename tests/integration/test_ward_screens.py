"""Identity on a shared screen: registered by IT, a badge says who, a PIN that it is them."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from fleet.services.add_user import add_user
from fleet.services.badges import badge_key, give_badge, revoke_badge
from fleet.services.errors import Conflict, Invalid, NotFound
from fleet.services.kiosks import CODE_LASTS, add_kiosk, revoke_kiosk
from fleet.store.database import db, transaction
from fleet.store.models import AuditEntry, Badge, Kiosk, KioskSession, User
from fleet.web import clock
from tests.support.hospital import build_hospital, reading, say, telemetry

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PASSWORD = "correct horse battery"
ANA, BEN = "04A1B2C3", "04FFEE11"
PIN = "2580"
IDLE = timedelta(seconds=60)
Said = tuple[int, dict[str, Any]]


class Screen:
    """A browser on the wall: its cookies, and the token of its pages."""

    def __init__(self, app: Flask, ward: str = "ward-3a") -> None:
        self.client: FlaskClient = app.test_client()
        self.page = self.client.get(f"/wards/{ward}").text
        found = re.search(r'name="csrf-token" content="([^"]+)"', self.page)
        assert found
        self.token = found[1]

    def post(self, address: str, **values: str) -> Said:
        answer = self.client.post(address, data=values, headers={"X-CSRFToken": self.token})
        return answer.status_code, answer.json or {}

    def register(self, code: str) -> int:
        return self.client.post(
            "/screen", data={"csrf_token": self.token, "code": code}
        ).status_code

    def sign_in(self, badge: str = ANA, pin: str = PIN) -> Said:
        status, said = self.post("/badge", badge=badge)
        return self.post("/badge/pin", pin=pin) if status == 200 else (status, said)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    def put(seconds: float) -> None:
        monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(seconds=seconds))

    put(0)
    return put


@pytest.fixture
def hospital(app: Flask, at: Callable[[float], None]) -> Flask:
    with app.app_context():
        build_hospital(now=NOW)
        say("telemetry", telemetry(reading(1, at=NOW)), NOW)
        for name, badge in (("ana", ANA), ("ben", BEN)):
            add_user(name, PASSWORD, "test", NOW, "ward_nurse", "ward:ward-3a")
            give_badge(name, badge, PIN, app.config["SECRET_KEY"], "test", NOW)
    return app


@pytest.fixture
def screen(hospital: Flask) -> Screen:
    with hospital.app_context():
        code = add_kiosk("ward-3a", "station", "user:it", NOW)
    screen = Screen(hospital)
    assert screen.register(code) == 303
    return screen


CHANGES = ("/carts/cart-001/take", "/carts/cart-001/return", "/carts/cart-001/broken", "/undo")


def test_to_look_needs_nothing_and_to_do_needs_a_screen_or_a_login(hospital: Flask) -> None:
    anybody = Screen(hospital)
    assert "CART-001" in anybody.page
    assert anybody.client.get("/carts/cart-001").status_code == 200
    for address in (*CHANGES, "/carts/cart-001/ring"):
        assert anybody.post(address)[0] == 401
        assert anybody.post(address)[1]["need"] == "login"
    assert anybody.post("/badge", badge=ANA)[0] == 403


def test_badge_and_pin_let_somebody_take_a_cart(screen: Screen) -> None:
    assert screen.post("/carts/cart-001/take")[1]["need"] == "badge"
    status, said = screen.sign_in()
    assert (status, said["name"], said["need"]) == (200, "ana", None)
    status, said = screen.post("/carts/cart-001/take")
    assert status == 200
    assert said["words"] == "You have taken CART-001."
    assert screen.post("/undo", **{k: str(v) for k, v in said["undo"].items()})[0] == 200


def test_a_page_with_somebodys_name_is_kept_by_nobody_and_its_moving_part_names_nobody(
    screen: Screen, at: Callable[[float], None]
) -> None:
    def of(address: str) -> tuple[str, bool]:
        answer = screen.client.get(address)
        return answer.headers["Cache-Control"], ">ana<" in answer.text

    assert of("/wards/ward-3a") == ("no-cache", False)
    screen.sign_in()
    for address in ("/wards/ward-3a", "/", "/carts/cart-001"):
        assert of(address) == ("no-store", True), address
    assert of("/wards/ward-3a/board") == ("no-cache", False)
    at(200)
    assert of("/wards/ward-3a") == ("no-cache", False)


def test_control_26_idle_past_its_limit_the_next_request_is_401(
    screen: Screen, at: Callable[[float], None]
) -> None:
    screen.sign_in()
    at(59)
    assert screen.client.get("/badge").status_code == 200
    assert screen.post("/badge/touch")[0] == 200
    at(59 + 59)
    screen.client.get("/wards/ward-3a/board")  # what the page asks by itself keeps nobody signed in
    assert screen.client.get("/badge").status_code == 200
    at(59 + 60)
    assert screen.client.get("/badge").status_code == 401
    for address in CHANGES:
        assert screen.post(address)[0] == 401
    assert screen.post("/badge/touch")[0] == 401  # nothing brings it back
    assert 'data-part="name"></b>' in screen.client.get("/wards/ward-3a").text


def test_control_27_it_ends_in_half_an_hour_however_busy(
    screen: Screen, at: Callable[[float], None]
) -> None:
    screen.sign_in()
    for seconds in range(30, 1_800, 30):
        at(seconds)
        assert screen.post("/badge/touch")[0] == 200
    at(1_800)
    assert screen.post("/badge/touch")[0] == 401


def test_control_28_the_session_is_another_once_the_pin_was_right(screen: Screen) -> None:
    def cookie() -> str:
        found = screen.client.get_cookie("wardfleet_badge")
        assert found
        return found.value

    screen.post("/badge", badge=ANA)
    before = cookie()
    screen.post("/badge/pin", pin=PIN)
    after = cookie()
    assert before != after
    screen.client.set_cookie("wardfleet_badge", before)
    assert screen.client.get("/badge").status_code == 401


def test_control_29_signed_off_the_old_cookie_is_401(screen: Screen) -> None:
    screen.sign_in()
    cookie = screen.client.get_cookie("wardfleet_badge")
    assert cookie
    assert screen.post("/badge/off")[0] == 204
    screen.client.set_cookie("wardfleet_badge", cookie.value)
    assert screen.post("/carts/cart-001/take")[0] == 401


def test_control_30_a_disabled_persons_session_is_401_at_once(
    hospital: Flask, screen: Screen
) -> None:
    screen.sign_in()
    with hospital.app_context(), transaction() as session:
        session.execute(update(User).where(User.username == "ana").values(disabled_at=NOW))
    assert screen.post("/carts/cart-001/take")[0] == 401
    assert screen.post("/badge", badge=ANA)[0] == 401


def test_control_31_five_bad_pins_throttle_that_badge_alone(
    screen: Screen, at: Callable[[float], None], caplog: pytest.LogCaptureFixture
) -> None:
    screen.post("/badge", badge=ANA)
    for _ in range(5):
        assert screen.post("/badge/pin", pin="9999")[0] == 401
    assert caplog.messages.count("PIN refused: ana") == 5
    assert screen.post("/badge/pin", pin=PIN)[0] == 429  # the right one too
    assert screen.sign_in(ANA)[0] == 429
    assert screen.sign_in(BEN)[0] == 200
    at(301)
    assert screen.sign_in(ANA)[0] == 200
    assert screen.sign_in(ANA, "9999")[0] == 401  # and they are counted from the beginning


def test_control_32_a_badge_without_its_pin_changes_nothing(screen: Screen) -> None:
    assert screen.post("/badge", badge=ANA)[1]["need"] == "pin"
    for address in CHANGES:
        status, said = screen.post(address, reason="screen", kind="take", key="1")
        assert (status, said["need"]) == (401, "pin")
    assert screen.post("/carts/cart-001/ring")[0] == 200


def test_control_32_a_badge_that_has_no_pin_never_changes_anything(
    hospital: Flask, screen: Screen
) -> None:
    with hospital.app_context():
        give_badge("ana", ANA, "", hospital.config["SECRET_KEY"], "test", NOW)
    status, said = screen.post("/badge", badge=ANA)
    assert (status, said["has_pin"]) == (200, False)
    for pin in ("", "0000", PIN):
        assert screen.post("/badge/pin", pin=pin)[0] == 401
    assert screen.post("/carts/cart-001/take")[0] == 401


def test_control_35_without_the_pages_token_nothing_is_done(screen: Screen) -> None:
    screen.sign_in()
    for address in (*CHANGES, "/badge", "/badge/pin", "/badge/touch", "/badge/off", "/screen"):
        assert screen.client.post(address).status_code == 403, address
    assert screen.client.get("/badge").status_code == 200


def test_control_40_who_stood_there_and_where_is_on_record(hospital: Flask, screen: Screen) -> None:
    screen.sign_in()
    screen.post("/carts/cart-001/take")
    with hospital.app_context():
        query = select(AuditEntry.actor, AuditEntry.action, AuditEntry.after)
        entries = db.session.execute(query.order_by(AuditEntry.id.desc()).limit(2)).all()
    (taken, begun) = entries
    assert (taken.actor, taken.action) == ("user:ana", "device.take")
    assert taken.after["screen"] == "kiosk/1 station"
    assert (begun.actor, begun.action) == ("user:ana", "session.begin")
    assert begun.after == {"screen": "kiosk/1", "badge": 1}


def test_control_23_a_screen_finds_nothing_of_another_ward(hospital: Flask) -> None:
    with hospital.app_context():
        code = add_kiosk("ward-3b", "station", "user:it", NOW)
    other = Screen(hospital)
    other.register(code)
    other.sign_in()
    assert other.post("/carts/cart-001/take")[0] == 404


def test_a_session_of_one_screen_is_none_at_another(hospital: Flask, screen: Screen) -> None:
    screen.sign_in()
    cookie = screen.client.get_cookie("wardfleet_badge")
    with hospital.app_context():
        code = add_kiosk("ward-3a", "other", "user:it", NOW)
    other = Screen(hospital)
    other.register(code)
    assert cookie
    other.client.set_cookie("wardfleet_badge", cookie.value)
    assert other.post("/carts/cart-001/take")[0] == 401


def test_the_next_badge_ends_the_session_before_it(screen: Screen) -> None:
    screen.sign_in(ANA)
    before = screen.client.get_cookie("wardfleet_badge")
    screen.post("/badge", badge=BEN)
    assert before
    screen.client.set_cookie("wardfleet_badge", before.value)
    assert screen.client.get("/badge").status_code == 401


def test_an_unknown_badge_and_what_is_none_are_refused_with_words(screen: Screen) -> None:
    assert screen.post("/badge", badge="00000000")[0] == 401
    assert "IT gives badges" in screen.post("/badge", badge="00000000")[1]["words"]
    status, said = screen.post("/badge", badge="a b")
    assert status == 422
    assert "4 to 64" in said["words"]
    assert screen.post("/badge/pin", pin=PIN)[0] == 401


def test_a_code_registers_one_screen_once_and_in_time(
    hospital: Flask, at: Callable[[float], None]
) -> None:
    with hospital.app_context():
        code, late = (add_kiosk("ward-3a", n, "user:it", NOW) for n in ("one", "two"))
    one = Screen(hospital)
    assert one.register("WRONGCODE2") == 404
    assert one.register(f" {code[:5].lower()}-{code[5:]} ") == 303
    assert Screen(hospital).register(code) == 404
    at(CODE_LASTS.total_seconds())
    assert Screen(hospital).register(late) == 404


def test_a_revoked_screen_or_badge_does_nothing_any_more(hospital: Flask, screen: Screen) -> None:
    screen.sign_in()
    with hospital.app_context():
        revoke_badge(1, "user:it", NOW)
    assert screen.post("/carts/cart-001/take")[0] == 401
    assert screen.post("/badge", badge=ANA)[0] == 401
    screen.sign_in(BEN)
    with hospital.app_context():
        revoke_kiosk(1, "user:it", NOW)
    assert screen.post("/carts/cart-001/take")[1]["need"] == "login"
    assert screen.post("/badge", badge=BEN)[0] == 403
    with hospital.app_context():
        for again in (lambda: revoke_kiosk(1, "it", NOW), lambda: revoke_badge(1, "it", NOW)):
            with pytest.raises(Conflict):
                again()
        for stranger in (lambda: revoke_kiosk(9, "it", NOW), lambda: revoke_badge(9, "it", NOW)):
            with pytest.raises(NotFound):
                stranger()


def test_ids_pins_codes_and_tokens_are_nowhere_in_the_database(
    hospital: Flask, screen: Screen
) -> None:
    screen.sign_in()
    secrets = [ANA, PIN, *(cookie.value for cookie in (
        screen.client.get_cookie("wardfleet_badge"), screen.client.get_cookie("wardfleet_screen")
    ) if cookie)]  # fmt: skip
    assert len(secrets) == 4
    with hospital.app_context():
        kept = [
            str(value)
            for model in (Badge, Kiosk, KioskSession, AuditEntry)
            for row in db.session.execute(select(*model.__table__.columns))
            for value in row
        ]
        assert "user:ana" in kept
        assert not set(kept) & set(secrets)
        hashes = db.session.scalars(select(Badge.pin_hash)).all()
        assert all(found and found.startswith("$argon2id$") for found in hashes)
        key = db.session.scalar(select(Badge.key).where(Badge.user_id == 1))
    assert key == badge_key(hospital.config["SECRET_KEY"], ANA)
    assert key != badge_key("another secret of thirty-two characters", ANA)


def test_a_badge_is_given_to_one_person_at_a_time(hospital: Flask) -> None:
    secret = hospital.config["SECRET_KEY"]
    with hospital.app_context():
        with pytest.raises(Conflict, match="somebody else has this badge"):
            give_badge("ben", ANA, PIN, secret, "it", NOW)
        with pytest.raises(NotFound, match="no user eve"):
            give_badge("eve", "04000001", PIN, secret, "it", NOW)
        with pytest.raises(Invalid) as refused:
            give_badge("ben", "x", "1234", secret, "it", NOW)
        assert set(refused.value.fields) == {"badge", "pin"}
        give_badge("ana", "04000002", PIN, secret, "it", NOW)
        standing = select(Badge.key).where(Badge.user_id == 1, Badge.revoked_at.is_(None))
        assert db.session.scalars(standing).all() == [badge_key(secret, "04000002")]
