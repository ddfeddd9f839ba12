"""The settings that are in force, on their page."""

import re
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient

from fleet import create_app
from fleet.config import Settings
from fleet.store.migrate import upgrade
from fleet.web.in_force import in_force, without_password
from tests.support.console import signed_in
from tests.support.staff import person

README = Path(__file__).parents[3] / "README.md"
SECRET = "dGhlIHByb3ZpZGVyJ3M"


def test_every_variable_of_the_readme_is_there_and_no_other(app: Flask) -> None:
    named = set(re.findall(r"`(FLEET_[A-Z_]+)`", README.read_text(encoding="utf-8")))
    shown = [name for group in in_force(app.config["FLEET"]) for name, _ in group.settings]
    assert sorted(shown) == sorted(named)


def test_what_is_in_force_is_shown_and_a_secret_is_not(tmp_path: Path) -> None:
    environ = {
        "FLEET_DATA_DIR": str(tmp_path),
        "FLEET_KIOSK_IDLE_S": "45",
        "FLEET_RETENTION_AUDIT_DAYS": "1234",
        "FLEET_OIDC_ISSUER": "https://login.hospital.example",
        "FLEET_OIDC_CLIENT_ID": "wardfleet",
        "FLEET_OIDC_CLIENT_SECRET": SECRET,
        "FLEET_OIDC_ROLES": "wf-admins=administrator",
    }
    settings = Settings.from_env(environ)
    upgrade(settings.database_url)
    app = create_app(settings)
    page = signed_in(app, app.test_client()).get("/it/settings").text
    for text in ("45 s", "1234 days", "https://login.hospital.example", "set, not shown"):
        assert text in page
    assert SECRET not in page


def test_the_password_of_a_database_is_not_shown() -> None:
    shown = without_password("postgresql+psycopg://fleet:hunter2@db.example/fleet")
    assert shown == "postgresql+psycopg://fleet:***@db.example/fleet"
    assert without_password("mqtts://fleet:hunter2@broker:8883") == "mqtts://fleet:***@broker:8883"


def test_it_is_for_who_looks_after_everything(app: Flask, ada: FlaskClient) -> None:
    assert ada.get("/it/settings").status_code == 200
    assert person(app, "max", "ward_manager", "ward:ward-3a").get("/it/settings").status_code == 403
