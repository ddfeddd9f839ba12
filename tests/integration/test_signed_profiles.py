"""What the service says of a signed profile, a device follows; and what it cannot sign, it says."""

import html
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from fleet.device.trusted import Trusted
from fleet.services.assign_profile import assign_profile
from fleet.services.errors import Conflict, Invalid
from fleet.services.rollouts.approve import approve_rollout
from fleet.services.rollouts.propose import propose_rollout
from fleet.services.sign_profile import manifest_of, sign_profile
from fleet.signing.online import online_key_path
from fleet.store.audit import AuditEntry
from fleet.store.database import db
from fleet.trust.refusal import Reason, Refused
from fleet.wire.messages import Desired, ProfileName
from tests.support.api import Hospital
from tests.support.console import form, signed_in
from tests.support.fragile_disk import FragileDisk
from tests.support.releases import Workshop

YEAR = timedelta(days=365)


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    hospital = Hospital(app)
    hospital.load()
    hospital.assign()
    hospital.register("CART-001")
    return hospital


@pytest.fixture
def workshop(hospital: Hospital, tmp_path: Path) -> Workshop:
    workshop = Workshop(hospital.app, tmp_path)
    workshop.hand_over_online_key()
    return workshop


def trusting(workshop: Workshop) -> Trusted:
    trusted = Trusted(FragileDisk(), Path("/firmware"))
    trusted.anchor(workshop.ceremony.envelope)
    return trusted


def said(hospital: Hospital) -> Desired:
    return msgspec.convert(hospital.desired("cart-001"), Desired)


def enter(workshop: Workshop, by: str = "release", number: int = 1) -> int:
    with workshop.app.app_context():
        now = datetime.now(UTC)
        envelope = workshop.ceremony.sign(manifest_of("carts", 1, now, YEAR), by)
        return sign_profile("carts", number, envelope, "user:ada", now)


def test_a_device_follows_a_signed_profile(hospital: Hospital, workshop: Workshop) -> None:
    before = said(hospital)
    with pytest.raises(Refused) as refusal:
        trusting(workshop).profile(before, "cart-001", datetime.now(UTC))
    assert refusal.value.reason == Reason.UNSIGNED
    assert enter(workshop) == 1
    after = said(hospital)
    assert after.generation == before.generation + 1
    trusting(workshop).profile(after, "cart-001", datetime.now(UTC))
    hospital.register("CART-002")
    with pytest.raises(Refused):
        trusting(workshop).profile(after, "cart-002", datetime.now(UTC))
    with hospital.app.app_context():
        assert "profile.sign" in db.session.scalars(select(AuditEntry.action)).all()


def test_only_a_release_key_signs_a_profile(hospital: Hospital, workshop: Workshop) -> None:
    with pytest.raises(Invalid, match="release keys"):
        enter(workshop, by="online")
    hospital.load(title="Carts of another kind", settings={"bluetooth": True})
    with pytest.raises(Invalid, match="not about version 2"):
        enter(workshop, number=2)
    assert said(hospital).manifest is None


def test_without_the_online_key_the_word_goes_out_undirected_and_nothing_breaks(
    hospital: Hospital, workshop: Workshop
) -> None:
    online_key_path(hospital.app.config["FLEET"].data_dir).unlink()
    enter(workshop)
    assert (said(hospital).manifest is not None, said(hospital).direction) == (True, None)


# --- What nobody has signed is not assigned -------------------------------------------------


REFUSED = "version 2 of carts is not signed, and devices follow only what a release key has signed"
DO = "`fleet profile manifest carts 2 FILE`"


def sign_second(workshop: Workshop, lasting: timedelta = YEAR) -> None:
    with workshop.app.app_context():
        now = datetime.now(UTC)
        envelope = workshop.ceremony.sign(manifest_of("carts", 2, now, lasting), "release")
        sign_profile("carts", 2, envelope, "user:ada", now)


def test_a_version_that_is_not_signed_is_not_assigned_while_trust_is_on(
    hospital: Hospital, workshop: Workshop
) -> None:
    hospital.load(settings={"bluetooth": True})
    with pytest.raises(Conflict, match=REFUSED) as refusal:
        hospital.assign(2)
    assert DO in refusal.value.message
    sign_second(workshop)
    hospital.assign(2)
    assert said(hospital).profile == ProfileName("carts", 2)


def test_before_trust_is_switched_on_any_version_is_assigned(hospital: Hospital) -> None:
    hospital.load(settings={"bluetooth": True})
    hospital.assign(2)
    assert said(hospital).profile == ProfileName("carts", 2)


def test_a_signature_that_is_over_is_none(hospital: Hospital, workshop: Workshop) -> None:
    hospital.load(settings={"bluetooth": True})
    sign_second(workshop, timedelta(days=10))
    later = datetime.now(UTC) + timedelta(days=11)
    with (
        hospital.app.app_context(),
        pytest.raises(Conflict, match=r"would be refused .*the profile expired"),
    ):
        assign_profile("carts", 2, "site", "st-mary", "user:ada", later)


def test_the_api_answers_409_and_the_page_says_what_to_do(
    hospital: Hospital, workshop: Workshop, client: FlaskClient
) -> None:
    hospital.load(settings={"bluetooth": True})
    body = {"profile": "carts", "number": 2, "scope": "ward", "scope_key": "icu"}
    answer = hospital.post("/assignments", body)
    assert answer.status_code == 409
    assert REFUSED in answer.json["detail"]
    console = signed_in(hospital.app, client)
    page = console.get("/it/profiles/carts").text
    assert "2, not signed" in page
    data = form(page, number="2", where="ward:icu", back="/it/profiles/carts")
    told = console.post("/it/profiles/carts/assign", data=data, follow_redirects=True).text
    assert html.escape(REFUSED) in told


def test_nor_is_it_rolled_out(hospital: Hospital, workshop: Workshop) -> None:
    """Nor approved, where its signature was withdrawn by a new trust document meanwhile."""
    hospital.load(settings={"bluetooth": True})
    rollout = {"target": "profile", "slug": "carts", "version": "2", "scope": "site",
               "scope_key": "st-mary"}  # fmt: skip
    refused = hospital.post("/rollouts", rollout)
    assert (refused.status_code, REFUSED in refused.json["detail"]) == (409, True)
    sign_second(workshop, timedelta(days=10))
    with hospital.app.app_context():
        now = datetime.now(UTC)
        made = propose_rollout("profile", "carts", "2", "site", "st-mary", "user:ada", now)
        with pytest.raises(Conflict, match="would be refused"):
            approve_rollout(made, "user:grace", now + timedelta(days=11))
        approve_rollout(made, "user:grace", now)
