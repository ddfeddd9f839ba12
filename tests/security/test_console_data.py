"""Controls over data in and out that the console and its log must hold: 40 to 44."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, text

from fleet.cli import main
from fleet.config import Settings
from fleet.logs import JsonFormatter, TextFormatter
from fleet.services.first_administrator import offer
from fleet.store.database import db
from fleet.store.models import AuditEntry
from tests.support.console import PASSWORD, form, signed_in
from tests.support.hospital import build_hospital

Lines = Callable[[], list[str]]


@pytest.fixture
def ada(app: Flask, client: FlaskClient) -> FlaskClient:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    with app.app_context():
        build_hospital(carts=3, now=datetime.now(UTC))
    return signed_in(app, client)


@pytest.fixture(params=["json", "text"])
def log(request: pytest.FixtureRequest) -> Iterator[Lines]:
    """All that is logged from now on, down to what only a developer asks for."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    in_json = request.param == "json"
    handler.setFormatter(JsonFormatter("web", None) if in_json else TextFormatter())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    engine = logging.getLogger("sqlalchemy.engine")
    engine.setLevel(logging.INFO)
    yield lambda: stream.getvalue().splitlines()
    engine.setLevel(logging.NOTSET)
    root.setLevel(level)
    root.removeHandler(handler)


CHANGES = {
    "device.change": ("/it/devices/bulk", {"action": "move", "ward": "ward-3b"}),
    "device.command": ("/it/devices/bulk", {"action": "command", "command": "locate"}),
    "device.decommission": ("/it/devices/bulk", {"action": "decommission"}),
}


@pytest.mark.parametrize("action", CHANGES)
def test_control_40_a_change_writes_who_what_when_before_and_after(
    app: Flask, ada: FlaskClient, action: str
) -> None:
    path, values = CHANGES[action]
    begun = datetime.now(UTC).replace(microsecond=0)
    sent = form(ada.get("/it/devices").text, device="cart-001", **values)
    place = ada.post(path, data=sent).headers["Location"]
    ada.post(f"{place}/begin", data=form(ada.get(place).text))
    with app.app_context():
        query = select(AuditEntry).where(AuditEntry.action == action)
        entry = db.session.scalars(query.where(AuditEntry.subject == "cart-001")).one()
        assert entry.actor == "user:ada"
        assert begun <= entry.at <= datetime.now(UTC)
        assert entry.after
        assert bool(entry.before) == (action != "device.command")


def test_control_40_a_change_that_fails_leaves_no_entry(
    app: Flask, ada: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def count() -> int:
        with app.app_context():
            db.session.rollback()
            query = select(func.count()).where(AuditEntry.action == "filter.save")
            return db.session.scalar(query) or 0

    def broken(*_: object) -> None:
        raise RuntimeError("just before the commit")

    monkeypatch.setattr("fleet.services.audit._append", broken)
    page = ada.get("/it/devices").text
    answer = ada.post(
        "/it/filters", data=form(page) | {"page": "devices", "name": "x", "query": "q=1"}
    )
    assert answer.status_code == 500
    assert count() == 0
    assert "Remove the filter x" not in ada.get("/it/devices").text


@pytest.mark.parametrize(
    ("tamper", "told"),
    [
        ("UPDATE audit_entry SET actor = 'user:eve' WHERE id = 3", "entry 3 "),
        ("DELETE FROM audit_entry WHERE id = 3", "entry 4 "),
    ],
)
def test_control_41_a_touched_row_breaks_the_chain_and_the_command_names_it(
    app: Flask, ada: FlaskClient, settings: Settings, monkeypatch: pytest.MonkeyPatch,
    tamper: str, told: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("FLEET_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("FLEET_DATA_DIR", str(settings.data_dir))
    before = CliRunner().invoke(main, ["audit", "verify"])
    assert before.exit_code == 0, before.output
    assert "unbroken" in before.output
    with app.app_context(), db.engine.begin() as connection:
        connection.execute(text(tamper))
    after = CliRunner().invoke(main, ["audit", "verify"])
    assert after.exit_code != 0
    assert told in str(after.exception)


def test_control_42_no_log_holds_a_password_token_key_or_cookie(
    app: Flask, client: FlaskClient, log: Lines
) -> None:
    """Each secret is sent where it belongs, and where people put it by mistake."""
    app.config["PROPAGATE_EXCEPTIONS"] = False
    with app.app_context():
        build_hospital(now=datetime.now(UTC))
        link = offer(datetime.now(UTC)) or ""
    page = client.get(f"/setup/{link}").text
    passwords = {"password": PASSWORD, "again": PASSWORD}
    client.post(f"/setup/{link}", data=form(page, username="ada", **passwords))
    wrong = "wrong-canary-4711"
    nobody = app.test_client()
    nobody.post("/login", data=form(nobody.get("/login").text, username="ada", password=wrong))
    made = client.post(
        "/it/tokens",
        data=form(
            client.get("/it").text, name="x", scopes="read", role="viewer", where="everything"
        ),
    )
    token = made.text[made.text.index("wf_") :].split("<")[0].split('"')[0].strip()
    bearer = {"Authorization": f"Bearer {token}"}
    assert nobody.get("/api/v1/devices", headers=bearer).status_code == 200
    nobody.get(f"/api/v1/devices?q={token}", headers=bearer)
    nobody.get(f"/it/devices?token={token}")
    nobody.get(f"/nowhere/{token}")
    cookie = client.get_cookie("wardfleet_session")
    assert cookie
    secrets = (link, PASSWORD, wrong, token, cookie.value, str(app.config["SECRET_KEY"]))
    lines = log()
    assert any("/login" in line for line in lines)
    for line in lines:
        for secret in secrets:
            assert secret not in line, line


def test_control_43_line_ends_in_what_is_sent_make_one_line_of_the_log(
    ada: FlaskClient, log: Lines
) -> None:
    for end in ("%0d%0a", "%0a", "%0d", "%E2%80%A8", "%C2%85", "%0b", "%1b[2K"):
        ada.get(f"/nowhere/{end}FORGED {{}}")
        ada.get(f"/it/devices?q={end}FORGED")
        ada.get(f"/it/devices/cart-001{end}FORGED")
    nobody = ada.application.test_client()
    page = nobody.get("/login").text
    nobody.post("/login", data=form(page, username="a\r\nFORGED", password="x"))
    logging.getLogger("fleet.test").warning("refused: %s", "a\r\nFORGED\u2028FORGED")
    lines = log()
    assert any("FORGED" in line for line in lines)
    for line in lines:
        assert not line.lstrip().startswith("FORGED"), line
        assert "\x1b" not in line


@pytest.mark.parametrize("path", ["/api/v1/wards", "/it"])
def test_control_44_a_fault_shows_no_trace_of_the_code(
    ada: FlaskClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("canary-of-the-fault")

    monkeypatch.setattr("fleet.api.wards.find_wards", broken)
    monkeypatch.setattr("fleet.web.views.overview.needs", broken)
    answer = ada.get(path)
    assert answer.status_code == 500
    for word in ("Traceback", "canary-of-the-fault", "RuntimeError", ".py", "File "):
        assert word not in answer.text
    if path.startswith("/api/"):
        assert answer.mimetype == "application/problem+json"
        assert json.loads(answer.text)["request_id"] == answer.headers["X-Request-ID"]
