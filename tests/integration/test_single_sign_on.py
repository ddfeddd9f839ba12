"""Single sign-on by OpenID Connect. Controls 33 and 34."""

import base64
import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc.jwk import RSAKey

from fleet import create_app
from fleet.config import SettingError, Settings
from fleet.services.disable_user import disable_user
from fleet.services.places import add_site, add_ward
from fleet.store.database import db
from fleet.store.models import AuditEntry, ExternalIdentity, User
from fleet.store.queries.people import people
from tests.support.api import now
from tests.support.single_sign_on import (
    BACK,
    SECRET,
    Liar,
    environment,
    lying_provider,
    real_provider,
    sign_in_there,
)

Trusting = Callable[[str], Flask]


@pytest.fixture
def trusting(sqlite_url: str, tmp_path: Path) -> Iterator[Trusting]:
    """An application that trusts this issuer; all of a test's have one database."""
    with ExitStack() as open_apps:

        def make(issuer: str) -> Flask:
            settings = Settings.from_env(
                {
                    "FLEET_DATABASE_URL": sqlite_url,
                    "FLEET_DATA_DIR": str(tmp_path / "data"),
                    **environment(issuer),
                }
            )
            app = create_app(settings)
            with app.app_context():
                add_site("st-mary", "St Mary's", "Europe/Berlin", "test", now())
                add_ward("st-mary", "icu", "Intensive Care", "test", now())
                open_apps.callback(db.engine.dispose)
            return app

        yield make


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    with real_provider() as issuer:
        yield issuer


@pytest.fixture
def liar() -> Iterator[Liar]:
    with lying_provider() as found:
        yield found


def roles(app: Flask) -> dict[str, list[tuple[str, str]]]:
    """By name of a person."""
    with app.app_context():
        return {p.username: [(g.role, g.where) for g in p.grants] for p in people()}


# --- A real provider ------------------------------------------------------------------------


def test_somebody_signs_in_through_the_hospital_and_has_the_roles_of_their_groups(
    trusting: Trusting, provider: str
) -> None:
    app = trusting(provider)
    browser = app.test_client()
    assert "Sign in with your hospital account" in browser.get("/login").text
    answer = sign_in_there(browser, "ada+admins", going="/it/people")
    assert (answer.status_code, answer.location) == (303, "/it/people")
    assert browser.get("/it/people").status_code == 200
    assert roles(app) == {"ada": [("administrator", "everything")]}

    nurse = app.test_client()
    sign_in_there(nurse, "nia+icu+choir")
    assert nurse.get("/it/devices").status_code == 200
    assert nurse.get("/it/people").status_code == 403
    assert roles(app)["nia"] == [("ward_nurse", "ward:icu")]


def test_whoever_comes_again_is_the_same_person(trusting: Trusting, provider: str) -> None:
    app = trusting(provider)
    for _ in range(2):
        assert sign_in_there(app.test_client(), "ada+admins").status_code == 303
    assert list(roles(app)) == ["ada"]


def test_somebody_without_a_role_does_not_come_in_and_is_not_kept(
    trusting: Trusting, provider: str
) -> None:
    app = trusting(provider)
    browser = app.test_client()
    assert sign_in_there(browser, "eve+choir").status_code == 403
    assert browser.get("/it").status_code == 401
    assert roles(app) == {}


def test_who_is_disabled_here_does_not_come_in_by_another_door(
    trusting: Trusting, provider: str
) -> None:
    app = trusting(provider)
    sign_in_there(app.test_client(), "ada+admins")
    sign_in_there(app.test_client(), "bob+admins")
    with app.app_context():
        disable_user("bob", "user:ada", now())
    browser = app.test_client()
    assert sign_in_there(browser, "bob+admins").status_code == 403
    assert browser.get("/it").status_code == 401


# --- What a provider, or somebody between, may say (control 33) --------------------------------


def test_the_truth_is_believed(trusting: Trusting, liar: Liar) -> None:
    browser = trusting(liar.issuer).test_client()
    assert liar.sends(browser).status_code == 303
    assert browser.get("/it").status_code == 200


def test_the_code_is_bound_to_this_browser_by_pkce(trusting: Trusting, liar: Liar) -> None:
    liar.sends(trusting(liar.issuer).test_client())
    assert liar.asked["code_challenge_method"] == "S256"
    digest = hashlib.sha256(liar.shown["code_verifier"].encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert liar.asked["code_challenge"] == challenge
    assert liar.shown["redirect_uri"] == BACK


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("iss", "http://127.0.0.1:1"),
        ("iss", None),
        ("aud", "somebody-else"),
        ("aud", None),
        ("nonce", "of-another-sign-in"),
        ("nonce", None),
        ("exp", 1),
        ("exp", None),
        ("sub", None),
    ],
)
def test_control_33_an_id_token_with_another_claim_lets_nobody_in(
    trusting: Trusting, liar: Liar, claim: str, value: object
) -> None:
    app = trusting(liar.issuer)
    browser = app.test_client()
    liar.claims = {claim: value}
    assert liar.sends(browser).status_code == 401
    assert browser.get("/it").status_code == 401
    assert roles(app) == {}


def unsigned(liar: Liar) -> None:
    liar.unsigned = True


def unsigned_and_announced(liar: Liar) -> None:
    liar.unsigned, liar.algorithms = True, ["none", "RS256"]


def by_another_key(liar: Liar) -> None:
    liar.signing_key = RSAKey.generate_key(2048, parameters={"kid": "one"})


def by_the_clients_secret(liar: Liar) -> None:
    """Which a stolen configuration has in it."""
    liar.algorithms, liar.by_hmac = ["HS256", "RS256"], SECRET.encode()


def by_the_public_key(liar: Liar) -> None:
    """Which everybody has: whoever takes it for a secret believes this."""
    liar.algorithms, liar.by_hmac = ["HS256", "RS256"], liar.key.as_pem(private=False)


def of_another_name(liar: Liar) -> None:
    liar.calls_itself = "http://127.0.0.1:1"


@pytest.mark.parametrize(
    "lie",
    [unsigned, unsigned_and_announced, by_another_key, by_the_clients_secret, by_the_public_key],
)
def test_control_33_an_id_token_that_the_provider_did_not_sign_lets_nobody_in(
    trusting: Trusting, liar: Liar, lie: Callable[[Liar], None]
) -> None:
    app = trusting(liar.issuer)
    browser = app.test_client()
    lie(liar)
    assert liar.sends(browser).status_code == 401
    assert browser.get("/it").status_code == 401
    assert roles(app) == {}


@pytest.mark.parametrize(
    "changed",
    [{"state": "of-another-sign-in"}, {"state": ""}, {"iss": "http://127.0.0.1:1"}],
)
def test_control_33_an_answer_to_another_question_lets_nobody_in(
    trusting: Trusting, liar: Liar, changed: dict[str, str]
) -> None:
    app = trusting(liar.issuer)
    browser = app.test_client()
    assert liar.sends(browser, **changed).status_code == 401
    assert browser.get("/it").status_code == 401
    assert roles(app) == {}


def test_control_33_an_answer_counts_in_the_browser_that_asked_and_once(
    trusting: Trusting, liar: Liar
) -> None:
    app = trusting(liar.issuer)
    browser, victim = app.test_client(), app.test_client()
    assert liar.sends(browser).status_code == 303
    answer = {"code": "c", "state": liar.asked["state"]}
    for other in (victim, browser):
        assert other.get("/login/sso/back", query_string=answer).status_code == 401


def test_control_33_a_provider_that_calls_itself_otherwise_is_not_asked(
    trusting: Trusting, liar: Liar
) -> None:
    of_another_name(liar)
    browser = trusting(liar.issuer).test_client()
    answer = browser.get("/login/sso")
    assert answer.status_code == 502
    assert "could not be verified" in answer.text


def test_a_provider_that_cannot_be_reached_leaves_the_way_in_by_password(
    trusting: Trusting,
) -> None:
    browser = trusting("http://127.0.0.1:9").test_client()
    answer = browser.get("/login/sso")
    assert answer.status_code == 502
    assert 'name="password"' in answer.text


# --- Who it is (control 34) -------------------------------------------------------------------


def test_control_34_the_same_subject_of_another_issuer_is_another_person(
    trusting: Trusting, liar: Liar
) -> None:
    app = trusting(liar.issuer)
    liar.claims = {"preferred_username": "ada"}
    liar.sends(app.test_client())
    with lying_provider() as other:
        other.claims = {"preferred_username": "ada", "groups": ["icu"]}
        other.sends(trusting(other.issuer).test_client())
        issuers = {liar.issuer, other.issuer}
    with app.app_context():
        found = db.session.execute(
            db.select(User.id, ExternalIdentity.issuer, ExternalIdentity.subject).join(
                ExternalIdentity, ExternalIdentity.user_id == User.id
            )
        ).all()
    assert len({row[0] for row in found}) == 2
    assert {row[1] for row in found} == issuers
    assert {row[2] for row in found} == {"ada"}
    held = roles(app)
    assert held["ada"] == [("administrator", "everything")]
    assert held["ada-2"] == [("ward_nurse", "ward:icu")]


def test_a_name_that_is_here_already_is_not_taken_over(trusting: Trusting, liar: Liar) -> None:
    from tests.support.staff import person

    app = trusting(liar.issuer)
    person(app, "ada", "auditor")
    liar.claims = {"preferred_username": "ada", "groups": ["icu"]}
    liar.sends(app.test_client())
    assert roles(app) == {
        "ada": [("auditor", "everything")],
        "ada-2": [("ward_nurse", "ward:icu")],
    }


def test_a_role_that_the_provider_gives_no_more_ends_with_the_next_sign_in_and_is_audited(
    trusting: Trusting, liar: Liar
) -> None:
    app = trusting(liar.issuer)
    liar.claims = {"groups": ["admins", "icu"]}
    liar.sends(app.test_client())
    liar.claims = {"groups": "icu"}
    browser = app.test_client()
    liar.sends(browser)
    assert roles(app) == {"ada": [("ward_nurse", "ward:icu")]}
    assert browser.get("/it/people").status_code == 403
    with app.app_context():
        changes = db.session.scalars(
            db.select(AuditEntry).filter_by(action="user.roles").order_by(AuditEntry.id)
        ).all()
    assert changes[-1].before == {
        "roles": ["administrator of everything", "ward_nurse of ward:icu"]
    }
    assert changes[-1].after == {"roles": ["ward_nurse of ward:icu"]}


def test_whose_last_role_the_provider_takes_is_not_let_in_and_has_none_left(
    trusting: Trusting, liar: Liar
) -> None:
    app = trusting(liar.issuer)
    liar.claims = {"groups": ["icu"]}
    before = app.test_client()
    liar.sends(before)
    assert before.get("/it/devices").status_code == 200
    liar.claims = {"groups": []}
    assert liar.sends(app.test_client()).status_code == 403
    assert roles(app) == {"ada": []}
    assert before.get("/it/devices").status_code == 403
    with app.app_context():
        last = db.session.scalars(
            db.select(AuditEntry).filter_by(action="user.roles").order_by(AuditEntry.id.desc())
        ).first()
    assert last is not None
    assert last.after == {"roles": []}


def test_nobody_signs_in_by_password_whom_another_vouches_for(
    trusting: Trusting, liar: Liar
) -> None:
    from fleet.services.sign_in import sign_in

    app = trusting(liar.issuer)
    liar.sends(app.test_client())
    with app.app_context():
        for guess in ("", "nobody has this password"):
            assert sign_in("ada", guess, now()) is None


# --- Settings -------------------------------------------------------------------------------


def test_without_settings_there_is_no_single_sign_on(app: Flask, client: FlaskClient) -> None:
    assert client.get("/login/sso").status_code == 404
    assert client.get("/login/sso/back").status_code == 404
    assert "hospital account" not in client.get("/login").text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FLEET_OIDC_ISSUER", "http://login.hospital.example"),
        ("FLEET_OIDC_ISSUER", "login.hospital.example"),
        ("FLEET_OIDC_CLIENT_SECRET", ""),
        ("FLEET_OIDC_ROLES", "admins=king"),
        ("FLEET_OIDC_ROLES", "administrator"),
        ("FLEET_OIDC_ROLES", "icu=ward_nurse@icu"),
    ],
)
def test_a_setting_that_will_not_do_is_named(tmp_path: Path, name: str, value: str) -> None:
    environ = {**environment("https://login.hospital.example"), name: value}
    with pytest.raises(SettingError, match=name):
        Settings.from_env({"FLEET_DATA_DIR": str(tmp_path), **environ})
