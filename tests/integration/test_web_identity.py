"""Who a device is, as IT sees it: pending, certified, revoked, decommissioned; and what to do."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from fleet.domain.words import Identity
from fleet.pki.authority import Authority
from fleet.pki.folder import Folder
from fleet.services.approve_device import approve_device
from fleet.services.decommission_device import decommission_device
from fleet.services.enrol_device import enrol_device
from fleet.services.enrolment_tokens import make_tokens
from fleet.services.revoke_device import revoke_device
from fleet.store.database import db
from fleet.store.models import Certificate
from fleet.store.queries.device import device_by_id
from fleet.store.queries.devices import DeviceFilter, count_devices, find_devices
from fleet.wire.requests import new_key, request
from tests.support.api import Hospital
from tests.support.console import form, signed_in

DEVICE = "cart-001"
NOW = datetime.now(UTC)


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    hospital = Hospital(app)
    hospital.register("CART-001", "CART-002")
    return hospital


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Folder(tmp_path / "pki").make(["localhost"], NOW)


def waits(authority: Authority) -> None:
    """It shows its token, which nobody has approved."""
    [ticket] = make_tokens([DEVICE], False, "user:ada", NOW)
    wanted = request(new_key(), DEVICE)
    assert enrol_device(authority, DEVICE, ticket.token, wanted, NOW) is None


def gets_in(authority: Authority) -> None:
    [ticket] = make_tokens([DEVICE], True, "user:ada", NOW)
    wanted = request(new_key(), DEVICE)
    assert enrol_device(authority, DEVICE, ticket.token, wanted, NOW)


def lost(authority: Authority) -> None:
    gets_in(authority)
    revoke_device(DEVICE, "user:ada", NOW)


def left(authority: Authority) -> None:
    gets_in(authority)
    decommission_device(DEVICE, "user:ada", NOW)


def lapsed(authority: Authority) -> None:
    gets_in(authority)
    db.session.query(Certificate).update({"expires_at": NOW - timedelta(days=1)})
    db.session.commit()


def in_again(authority: Authority) -> None:
    lost(authority)
    gets_in(authority)


HAPPENED: list[tuple[Callable[[Authority], None], Identity]] = [
    (lambda _: None, Identity.UNCERTIFIED),
    (waits, Identity.PENDING),
    (gets_in, Identity.CERTIFIED),
    (lost, Identity.REVOKED),
    (in_again, Identity.CERTIFIED),
    (lapsed, Identity.EXPIRED),
    (left, Identity.DECOMMISSIONED),
]


@pytest.mark.parametrize(("happens", "identity"), HAPPENED)
def test_what_it_is_stands_on_its_page_in_the_list_and_in_the_api(
    hospital: Hospital,
    authority: Authority,
    happens: Callable[[Authority], None],
    identity: Identity,
) -> None:
    with hospital.app.app_context():
        happens(authority)
        db.session.rollback()
        device = device_by_id(DEVICE, NOW)
        assert device
        assert device.identity == identity
        for state in Identity:
            wanted = DeviceFilter(identity=state)
            found = [(row.device_id, row.identity) for row in find_devices(wanted, NOW).rows]
            assert ((DEVICE, identity) in found) == (state == identity)
            assert count_devices(wanted, NOW) == len(found)
    assert hospital.get(f"/devices/{DEVICE}").json["identity"] == identity
    listed = hospital.get(f"/devices?identity={identity}").json["items"]
    assert DEVICE in [row["device_id"] for row in listed if row["identity"] == identity]


@pytest.mark.parametrize("start", ["/it/devices?identity=pending", f"/it/devices/{DEVICE}"])
def test_who_waits_is_approved_where_it_is_seen(
    hospital: Hospital, authority: Authority, client: FlaskClient, start: str
) -> None:
    console = signed_in(hospital.app, client)
    with hospital.app.app_context():
        waits(authority)
    page = console.get(start).text
    assert "Pending approval" in page
    assert f'action="/it/devices/{DEVICE}/approve"' in page
    assert f'action="/it/devices/{DEVICE}/refuse"' in page
    answer = console.post(f"/it/devices/{DEVICE}/approve", data=form(page, back=start))
    assert (answer.status_code, answer.location) == (303, start)
    with hospital.app.app_context():
        device = device_by_id(DEVICE, NOW)
        assert device
        assert device.identity == Identity.UNCERTIFIED, "it has not come for its certificate yet"
    assert f'action="/it/devices/{DEVICE}/approve"' not in console.get(start).text


def test_a_revoked_device_says_how_it_gets_in_again(
    hospital: Hospital, authority: Authority, client: FlaskClient
) -> None:
    console = signed_in(hospital.app, client)
    with hospital.app.app_context():
        lost(authority)
    page = console.get(f"/it/devices/{DEVICE}").text
    assert "Its certificate is revoked: the broker refuses it." in page
    assert f'action="/it/devices/{DEVICE}/token"' in page
    assert f'action="/it/devices/{DEVICE}/revoke"' not in page


def test_a_device_that_has_left_is_shown_and_offers_nothing_to_do(
    hospital: Hospital, authority: Authority, client: FlaskClient
) -> None:
    console = signed_in(hospital.app, client)
    with hospital.app.app_context():
        left(authority)
    page = console.get(f"/it/devices/{DEVICE}").text
    assert "It has left management." in page
    for action in ("token", "revoke", "approve", "commands"):
        assert f'action="/it/devices/{DEVICE}/{action}"' not in page
    assert "CART-001" not in console.get("/it/devices").text
    assert "CART-001" in console.get("/it/devices?identity=decommissioned").text


def test_an_approval_by_somebody_else_meanwhile_is_told(
    hospital: Hospital, authority: Authority, client: FlaskClient
) -> None:
    console = signed_in(hospital.app, client)
    with hospital.app.app_context():
        waits(authority)
    page = console.get(f"/it/devices/{DEVICE}").text
    with hospital.app.app_context():
        approve_device(DEVICE, "user:grace", NOW)
    data = form(page, back=f"/it/devices/{DEVICE}")
    answer = console.post(f"/it/devices/{DEVICE}/approve", data=data, follow_redirects=True)
    assert "does not wait for approval" in answer.text


def test_a_certified_device_that_asks_anew_is_approved_on_its_page_too(
    hospital: Hospital, authority: Authority, client: FlaskClient
) -> None:
    console = signed_in(hospital.app, client)
    with hospital.app.app_context():
        gets_in(authority)
        waits(authority)
    page = console.get(f"/it/devices/{DEVICE}").text
    assert "The certificate that it has stays valid until then." in page
    assert f'action="/it/devices/{DEVICE}/approve"' in page
