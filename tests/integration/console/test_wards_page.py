"""Hospitals and wards, entered on their page."""

from flask import Flask
from flask.testing import FlaskClient

from tests.support.console import form
from tests.support.staff import person


def sent(client: FlaskClient, where: str, **values: str) -> tuple[int, str]:
    page = client.get("/it/wards").text
    answer = client.post(where, data=form(page, **values), follow_redirects=True)
    return answer.status_code, answer.text


def test_a_ward_that_is_entered_has_its_board_and_its_zones(ada: FlaskClient) -> None:
    zones = "ICU-bay-1 Bay 1\n\nICU-hall Long hall"
    values = {"site": "lindenhof", "slug": "icu", "name": "Intensive care", "zones": zones}
    status, page = sent(ada, "/it/wards", **values)
    assert status == 200
    assert "Intensive care is entered." in page
    assert ada.get("/wards/icu").status_code == 200
    plan = ada.get("/it/floors/icu").text
    assert "Bay 1" in plan
    assert "Long hall" in plan


def test_what_is_wrong_with_a_ward_is_said_beside_its_field_and_what_was_typed_stays(
    ada: FlaskClient,
) -> None:
    values = {"site": "lindenhof", "slug": "ward-3a", "name": "Again", "zones": ""}
    status, page = sent(ada, "/it/wards", **values)
    assert (status, "there is such a ward already" in page) == (422, True)
    assert 'value="Again"' in page
    assert "1 to 63 of a-z" in sent(ada, "/it/wards", **{**values, "slug": "I C U"})[1]
    assert "line 1: a code" in sent(ada, "/it/wards", **{**values, "zones": "alone"})[1]
    assert "choose one of" in sent(ada, "/it/wards", **{**values, "site": "nowhere"})[1]


def test_a_hospital_is_entered_once_with_a_time_zone_that_there_is(ada: FlaskClient) -> None:
    values = {"slug": "north", "name": "North", "timezone": "Europe/Berlin"}
    assert "an IANA name" in sent(ada, "/it/sites", **{**values, "timezone": "Berlin time"})[1]
    assert "North is entered." in sent(ada, "/it/sites", **values)[1]
    status, page = sent(ada, "/it/sites", **values)
    assert (status, "there is such a hospital already" in page) == (422, True)


def test_people_see_their_own_wards_and_enter_none_elsewhere(app: Flask, ada: FlaskClient) -> None:
    nurse = person(app, "nia", "ward_nurse", "ward:ward-3a")
    page = nurse.get("/it/wards").text
    assert "/wards/ward-3a" in page
    assert "/wards/ward-3b" not in page
    assert "New ward" not in page
    sent(ada, "/it/sites", slug="north", name="North", timezone="Europe/Berlin")
    operator = person(app, "otto", "it_operator", "site:north")
    assert "lindenhof" not in operator.get("/it/wards").text
    values = {"site": "lindenhof", "slug": "icu", "name": "Intensive care", "zones": ""}
    status, page = sent(operator, "/it/wards", **values)
    assert (status, "there is no site lindenhof" in page) == (422, True)
    assert sent(operator, "/it/wards", **{**values, "site": "north"})[0] == 200
