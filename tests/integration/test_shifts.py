"""When shifts start: changed by IT for a hospital and its wards, on the console and by REST."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from fleet.services.errors import Invalid, NotFound
from fleet.services.places import add_site
from fleet.services.shifts import set_site_shifts, set_ward_shifts
from fleet.store.database import db
from fleet.store.models import AuditEntry, Site, Ward
from tests.support.api import Hospital
from tests.support.console import form, signed_in
from tests.support.hospital import NOON, build_hospital

TWO = ["07:00", "19:00"]
THREE = ["07:00", "15:00", "23:00"]


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    return Hospital(app)


@pytest.fixture
def ada(app: Flask, client: FlaskClient) -> FlaskClient:
    with app.app_context():
        build_hospital()
    return signed_in(app, client)


def stored() -> tuple[list[str], list[str] | None]:
    """The site's times, and its ward 3A's own."""
    db.session.rollback()
    ward = select(Ward.shift_starts).where(Ward.slug == "ward-3a")
    return db.session.scalars(select(Site.shift_starts)).one(), db.session.scalar(ward)


def changes() -> list[tuple[str, Any, Any]]:
    """As the audit has them."""
    entries = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "shifts.change"))
    return [
        (entry.subject, entry.before["shift_starts"], entry.after["shift_starts"])
        for entry in entries.all()
    ]


def revisions() -> list[int]:
    db.session.rollback()
    return list(db.session.scalars(select(Ward.revision).order_by(Ward.slug)))


def test_a_site_has_three_shifts_until_somebody_says_otherwise(worker: Flask) -> None:
    with worker.app_context():
        build_hospital()
        assert stored() == (THREE, None)
        set_site_shifts("lindenhof", TWO, "ada", NOON)
        set_ward_shifts("ward-3a", ["06:30"], "ada", NOON)
        assert stored() == (TWO, ["06:30"])
        set_ward_shifts("ward-3a", None, "ada", NOON)
        assert stored() == (TWO, None)
        assert changes() == [
            ("site/lindenhof", THREE, TWO),
            ("ward/ward-3a", None, ["06:30"]),
            ("ward/ward-3a", ["06:30"], None),
        ]


def test_the_boards_that_are_concerned_show_something_new_and_no_others(worker: Flask) -> None:
    with worker.app_context():
        build_hospital()
        set_ward_shifts("ward-3b", ["06:30"], "ada", NOON)
        before = revisions()
        set_site_shifts("lindenhof", TWO, "ada", NOON)
        assert revisions() == [before[0] + 1, before[1]]
        set_site_shifts("lindenhof", TWO, "ada", NOON)  # as they were
        assert revisions() == [before[0] + 1, before[1]]
        assert len(changes()) == 2


@pytest.mark.parametrize(
    ("starts", "words"),
    [
        ([], "at least one"),
        (["7:00"], "7:00: a time like 07:00"),
        (["24:00"], "24:00: a time like 07:00"),
        (["15:00", "07:00"], "07:00 after 15:00: each later than the one before it"),
        (["07:00", "07:00"], "07:00 after 07:00"),
        ([f"{hour:02d}:00" for hour in range(13)], "at most 12"),
    ],
)
def test_times_that_will_not_do_are_refused_with_what_would_be_right(
    worker: Flask, starts: list[str], words: str
) -> None:
    with worker.app_context():
        build_hospital()
        for refuse in (
            lambda: set_site_shifts("lindenhof", starts, "ada", NOON),
            lambda: set_ward_shifts("ward-3a", starts, "ada", NOON),
            lambda: add_site("other", "Other", "UTC", "ada", NOON, starts),
        ):
            with pytest.raises(Invalid) as refused:
                refuse()
            assert words in refused.value.fields["shift_starts"]
        assert stored() == (THREE, None)
        assert changes() == []


def test_of_a_place_that_is_not_there_no_shifts_can_be_set(worker: Flask) -> None:
    with worker.app_context():
        with pytest.raises(NotFound, match="no site nowhere"):
            set_site_shifts("nowhere", TWO, "ada", NOON)
        with pytest.raises(NotFound, match="no ward nowhere"):
            set_ward_shifts("nowhere", TWO, "ada", NOON)


# --- By REST --------------------------------------------------------------------------------


def test_programs_read_and_set_them(hospital: Hospital) -> None:
    assert hospital.get("/sites/st-mary").json["shift_starts"] == THREE
    assert hospital.get("/wards/icu").json["shift_starts"] is None
    answer = hospital.put("/sites/st-mary/shifts", {"shift_starts": TWO})
    assert (answer.status_code, answer.json["shift_starts"]) == (200, TWO)
    answer = hospital.put("/wards/icu/shifts", {"shift_starts": ["06:30"]})
    assert (answer.status_code, answer.json["shift_starts"]) == (200, ["06:30"])
    listed = hospital.get("/wards").json["items"]
    assert {ward["slug"]: ward["shift_starts"] for ward in listed} == {
        "icu": ["06:30"], "oncology": None
    }  # fmt: skip
    answer = hospital.put("/wards/icu/shifts", {"shift_starts": None})
    assert answer.json["shift_starts"] is None
    north = {"slug": "north", "name": "North", "shift_starts": TWO}
    assert hospital.post("/sites", north).json["shift_starts"] == TWO


def test_a_program_is_told_what_is_wrong_with_its_times(hospital: Hospital) -> None:
    answer = hospital.put("/sites/st-mary/shifts", {"shift_starts": ["15:00", "7:00"]})
    assert answer.status_code == 422
    assert "7:00: a time like 07:00 or 15:30 is expected" in answer.text
    assert hospital.put("/sites/st-mary/shifts", {"shift_starts": None}).status_code == 422
    assert hospital.put("/wards/nowhere/shifts", {"shift_starts": TWO}).status_code == 404
    assert hospital.put("/sites/nowhere/shifts", {"shift_starts": TWO}).status_code == 404


# --- On the console -------------------------------------------------------------------------


def test_people_set_them_on_a_page_in_whatever_way_they_separate_them(
    app: Flask, ada: FlaskClient
) -> None:
    page = ada.get("/it/shifts").text
    assert 'value="07:00, 15:00, 23:00"' in page
    for text, address in (("07:00;19:00", "site/lindenhof"), (" 06:30 , 18:30 ", "ward/ward-3a")):
        answer = ada.post(f"/it/shifts/{address}", data=form(page, starts=text))
        assert answer.status_code == 303
    with app.app_context():
        assert stored() == (TWO, ["06:30", "18:30"])
        assert db.session.scalars(select(AuditEntry.actor)).all()[-1] == "user:ada"
    ada.post("/it/shifts/ward/ward-3a", data=form(page, starts=""))
    with app.app_context():
        assert stored() == (TWO, None)


def test_what_was_typed_wrong_is_shown_again_with_what_would_be_right(
    app: Flask, ada: FlaskClient
) -> None:
    page = ada.get("/it/shifts").text
    for address in ("site/lindenhof", "ward/ward-3a"):
        answer = ada.post(f"/it/shifts/{address}", data=form(page, starts="19:00 7"))
        assert answer.status_code == 422
        assert 'value="19:00 7"' in answer.text
        assert "7: a time like 07:00 or 15:30 is expected" in answer.text
    answer = ada.post("/it/shifts/site/lindenhof", data=form(page, starts=""))
    assert "at least one time" in answer.text
    assert ada.post("/it/shifts/ward/nowhere", data=form(page, starts="07:00")).status_code == 404
    with app.app_context():
        assert stored() == (THREE, None)
