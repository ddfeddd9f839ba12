"""What ends some day is told in time: by `fleet doctor`, and by `/readyz` when it is over."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from fleet.config import Settings
from fleet.doctor import expiry
from fleet.doctor.case import Case
from fleet.doctor.finding import Finding, Level
from fleet.services.sign_profile import manifest_of, sign_profile
from fleet.signing.online import online_key_path
from fleet.web import clock
from tests.support.api import Hospital
from tests.support.doctor import configured
from tests.support.releases import Workshop
from tests.support.secured import secured_broker
from tests.support.signs import all_well

NOW = datetime.now(UTC)
A_DAY = timedelta(days=1)


@pytest.fixture
def case(settings: Settings) -> Iterator[Case]:
    settings.make_data_dir()
    settings.pki.make(settings.server_names(), NOW)
    with Case(settings) as case:
        yield case


def troubles(case: Case, days: float) -> dict[str, Level]:
    """So many days from now, with nobody having renewed anything."""
    case.now = NOW + days * A_DAY
    found: dict[str, Finding] = {f.name: f for f in expiry.certificates_expire(case)}
    return {name: finding.level for name, finding in found.items() if finding.level}


LEAVES = {"expiry server", "expiry ingest", "expiry schedule", "expiry doctor"}
LIST, AUTHORITY = {"expiry revocation list"}, {"expiry authority"}


@pytest.mark.parametrize(
    ("days", "late", "over"),
    [
        (0, set(), set()),
        (1, set(), set()),
        (3, LIST, set()),
        (31, set(), LIST),
        (70, LEAVES, LIST),
        (91, set(), LEAVES | LIST),
        (20 * 365 - 179, AUTHORITY, LEAVES | LIST),
        (20 * 365 + 1, set(), LEAVES | LIST | AUTHORITY),
    ],
)
def test_what_is_late_and_what_is_over_is_told_apart(
    case: Case, days: float, late: set[str], over: set[str]
) -> None:
    found = troubles(case, days)
    assert {name for name, level in found.items() if level is Level.WARN} == late
    assert {name for name, level in found.items() if level is Level.FAIL} == over


def test_a_certificate_of_ones_own_is_told_of(case: Case, settings: Settings) -> None:
    pki = settings.data_dir / "pki"
    environ = {
        "FLEET_HTTP_CERT": str(pki / "server.crt"),
        "FLEET_HTTP_KEY": str(pki / "server.key"),
    }
    own = configured(settings.database_url, settings.data_dir, settings.mqtt_url, **environ)
    with Case(own) as case:
        assert troubles(case, 80)["expiry pages"] is Level.WARN


def test_a_file_that_is_no_certificate_is_named(case: Case, settings: Settings) -> None:
    (settings.data_dir / "pki" / "ingest.crt").write_text("nothing")
    [finding] = expiry.certificates_expire(case)
    assert finding.level is Level.FAIL
    assert "ingest.crt" in finding.found


def test_the_broker_is_asked_for_the_certificate_that_it_shows(
    tmp_path: Path, sqlite_url: str
) -> None:
    """It may have been renewed, and the broker not told."""
    with secured_broker(tmp_path, sqlite_url) as secured, Case(secured.settings) as case:
        assert troubles(case, 0) == {}
        assert troubles(case, 80)["expiry of the broker"] is Level.WARN


def test_readiness_is_red_when_a_certificate_is_over_and_not_before(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: Settings = app.config["FLEET"]
    settings.pki.make(settings.server_names(), NOW)
    for days, status in ((29, 200), (31, 503)):
        moment = NOW + days * A_DAY
        monkeypatch.setattr(clock, "now", lambda moment=moment: moment)
        with app.app_context():
            all_well(moment)
        answer = client.get("/readyz")
        assert answer.status_code == status, answer.json
    said = answer.json["checks"]["certificates"]["do"]
    assert said.startswith("Expired: revocation list, since ")
    assert "`schedule`" in said


# --- What is signed -------------------------------------------------------------------------


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    hospital = Hospital(app)
    hospital.load()
    hospital.assign()
    return hospital


@pytest.fixture
def workshop(hospital: Hospital, tmp_path: Path) -> Workshop:
    workshop = Workshop(hospital.app, tmp_path)
    workshop.hand_over_online_key()
    return workshop


def sign(workshop: Workshop, days: int) -> None:
    with workshop.app.app_context():
        manifest = manifest_of("carts", 1, NOW, timedelta(days=days))
        sign_profile("carts", 1, workshop.ceremony.sign(manifest, "release"), "user:ada", NOW)


def signing(app: Flask, days: float = 0) -> dict[str, Level]:
    with Case(app.config["FLEET"]) as case:
        case.now = NOW + days * A_DAY
        return {f.name: f.level for f in expiry.signatures(case) if f.level}


def test_while_trust_is_not_switched_on_nothing_need_be_signed(hospital: Hospital) -> None:
    assert signing(hospital.app) == {}


def test_what_is_assigned_and_not_signed_is_told(workshop: Workshop) -> None:
    assert signing(workshop.app) == {"expiry profile carts 1": Level.FAIL}
    sign(workshop, days=400)
    assert signing(workshop.app) == {}


def test_what_ends_is_told_in_time(workshop: Workshop) -> None:
    sign(workshop, days=100)
    workshop.add(expires_at=NOW + timedelta(days=200))
    release = "expiry release firmware-4.2.0"
    found = [signing(workshop.app, days) for days in (60, 80, 101, 180, 201, 310, 366)]
    profile, trust = "expiry profile carts 1", "expiry trust document"
    assert found[0] == {}
    assert found[1] == {profile: Level.WARN}
    assert found[2] == {profile: Level.FAIL}
    assert found[3] == {profile: Level.FAIL, release: Level.WARN}
    assert found[4] == {profile: Level.FAIL, release: Level.FAIL}
    assert found[5] == {profile: Level.FAIL, release: Level.FAIL, trust: Level.WARN}
    assert found[6] == {profile: Level.FAIL, release: Level.FAIL, trust: Level.FAIL}


def test_an_online_key_that_is_missing_or_another_is_told(workshop: Workshop) -> None:
    sign(workshop, days=400)
    path = online_key_path(workshop.app.config["FLEET"].data_dir)
    path.write_bytes((workshop.ceremony.folder / "release.pem").read_bytes())
    assert signing(workshop.app) == {"online key": Level.FAIL}
    path.unlink()
    assert signing(workshop.app) == {"online key": Level.FAIL}
