"""What is elsewhere is not there: control 23, read off the route map."""

import pytest

from fleet.access import At
from fleet.domain.access import Access, Role
from fleet.services.api_tokens import create_api_token
from fleet.services.holds import Hand
from fleet.services.kiosks import add_kiosk
from fleet.services.places import add_site, add_ward
from fleet.services.report_fault import report_fault
from fleet.services.rollouts.propose import propose_rollout
from fleet.store.database import db
from fleet.store.models import Alert, BatteryPack, Kiosk
from tests.support.api import API, Hospital, now
from tests.support.routes import Browser, routes
from tests.support.staff import person


@pytest.fixture
def objects(hospital: Hospital) -> dict[str, object]:
    """One of each kind in the ward `oncology`, and another in `icu`; those of oncology by name."""
    hospital.load()
    for ward, tag in (("icu", "CART-1"), ("oncology", "CART-2")):
        (device_id,) = hospital.register(tag, ward=ward)
        hospital.report(device_id, serial=f"P-{tag}")
        hospital.run_low(device_id)
        assignment_id = hospital.assign(scope="ward", key=ward)
    with hospital.app.app_context():
        device = db.select(db.func.max(Alert.device_pk)).scalar_subquery()
        alert_id = db.session.scalar(db.select(Alert.id).where(Alert.device_pk == device))
        pack_id = db.session.scalar(
            db.select(BatteryPack.id).where(BatteryPack.serial == "P-CART-2")
        )
        hospital.load(settings={"screen_timeout_s": 60, "bluetooth": False})
        rollout_id = propose_rollout(
            "profile", "carts", "2", "ward", "oncology", "user:olga", now()
        )
        add_kiosk("oncology", "station", "user:ada", now())
        kiosk_id = db.session.scalar(db.select(Kiosk.id))
        ticket_id = report_fault("cart-2", "screen", Hand("user:nia"), now()).key
    found: dict[str, object] = {
        "device_id": "cart-2", "alert_id": alert_id, "pack_id": pack_id,
        "assignment_id": assignment_id, "rollout_id": rollout_id,
        "kiosk_id": kiosk_id, "ticket_id": ticket_id,
        "slug": "oncology", "scope": "ward",
    }  # fmt: skip
    assert None not in found.values()
    return found


def test_control_23_what_is_of_another_ward_is_not_there(
    hospital: Hospital, objects: dict[str, object]
) -> None:
    app = hospital.app
    stranger = Browser(person(app, "iris", "administrator", "ward:icu"))
    lent = (Access.OPEN, Access.USE)  # a test of its own says where carts may be used
    about_objects = [r for r in routes(app) if r.names_an_object and r.access not in lent]
    assert len(about_objects) > 35
    for route in about_objects:
        known = dict(objects)
        if route.at == At.SITE:
            known["slug"] = "st-mary"
        assert stranger.ask(app, route, **known).status_code == 404, route


def test_control_23_and_it_is_there_for_who_has_it_in_their_reach(
    hospital: Hospital, objects: dict[str, object]
) -> None:
    app = hospital.app
    reading = [r for r in routes(app) if r.names_an_object and not r.changes]
    assert len(reading) > 10
    for name, where in (("otto", "ward:oncology"), ("sam", "site:st-mary"), ("ada", "everything")):
        own = Browser(person(app, name, "administrator", where))
        for route in reading:
            if route.at != At.SITE and route.access != Access.OPEN:
                assert own.ask(app, route, **objects).status_code == 200, (name, route)


def test_control_23_carts_are_lent_within_a_hospital_and_not_beyond_it(
    hospital: Hospital, objects: dict[str, object]
) -> None:
    app = hospital.app
    with app.app_context():
        add_site("north", "North", "Europe/Berlin", "test", now())
        add_ward("north", "n-1", "North one", "test", now())
    using = [r for r in routes(app) if r.access == Access.USE and r.names_an_object]
    assert len(using) == 4
    stranger = Browser(person(app, "nora", "ward_nurse", "ward:n-1"))
    neighbour = Browser(person(app, "ivan", "ward_nurse", "ward:icu"))
    viewer = Browser(person(app, "vera", "viewer"))
    for route in using:
        assert stranger.ask(app, route, **objects).status_code == 404, route
        assert viewer.ask(app, route, **objects).status_code == 403, route
        assert neighbour.ask(app, route, **objects).status_code in (200, 409, 422), route


def test_control_23_the_same_words_for_what_is_elsewhere_and_what_is_nowhere(
    hospital: Hospital, objects: dict[str, object]
) -> None:
    with hospital.app.app_context():
        token = create_api_token("t", ["read"], None, "t", now(), Role.VIEWER, "ward:icu")
    elsewhere = hospital.get("/devices/cart-2", token=token).get_json()
    nowhere = hospital.get("/devices/cart-9", token=token).get_json()
    for answer in (elsewhere, nowhere):
        del answer["request_id"]
    assert elsewhere == nowhere


def test_control_23_lists_show_only_ones_own(
    hospital: Hospital, objects: dict[str, object]
) -> None:
    app = hospital.app
    client = person(app, "iris", "it_operator", "ward:icu")
    for path, own, other in (
        ("/devices", "cart-1", "cart-2"),
        ("/alerts", "cart-1", "cart-2"),
        ("/batteries", "", "cart-2"),
        ("/compliance", "cart-1", "cart-2"),
        ("/assignments", "icu", "oncology"),
        ("/rollouts", "", "oncology"),
    ):
        answer = client.get(API + path)
        assert answer.status_code == 200, path
        assert own in answer.text, path
        assert other not in answer.text, path
    assert sum(client.get(f"{API}/compliance/summary").get_json().values()) == 1
    for path in ("/it", "/it/devices", "/it/alerts", "/it/shifts", "/it/rollouts/wards",
                 "/it/rollouts", "/it/register", "/it/rollouts/new"):  # fmt: skip
        page = client.get(path)
        assert page.status_code == 200, path
        assert "CART-2" not in page.text, path
        assert "Oncology" not in page.text, path


def test_control_23_nothing_is_brought_to_another_ward(
    hospital: Hospital, objects: dict[str, object]
) -> None:
    with hospital.app.app_context():
        token = create_api_token(
            "t", ["read", "write"], None, "t", now(), Role.ADMINISTRATOR, "ward:icu"
        )
    new = {"asset_tag": "CART-3", "kind": "medication_cart", "ward": "oncology"}
    etag = hospital.get("/devices/cart-1", token=token).headers["ETag"]
    rollout = {"target": "profile", "slug": "carts", "version": "2",
               "scope": "ward", "scope_key": "oncology"}  # fmt: skip
    assigned = {"profile": "carts", "number": 1, "scope": "device", "scope_key": "cart-2"}
    for answer, field in (
        (hospital.post("/devices", new, token=token), "ward"),
        (
            hospital.patch("/devices/cart-1", {"ward": "oncology"}, if_match=etag, token=token),
            "ward",
        ),
        (hospital.post("/rollouts", rollout, token=token), "scope_key"),
        (hospital.post("/assignments", assigned, token=token), "scope_key"),
    ):
        assert answer.status_code == 422, answer.text
        assert [error["field"] for error in answer.get_json()["errors"]] == [field]
    everybody = {"profile": "carts", "number": 1, "scope": "kind", "scope_key": "medication_cart"}
    assert hospital.post("/assignments", everybody, token=token).status_code == 422
    assert hospital.post("/devices", {**new, "ward": "icu"}, token=token).status_code == 201
