"""Floor plans: made harmless, served so that nothing in them runs, and drawn upon."""

import io

import pytest
from flask import Flask
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from sqlalchemy import select

from fleet.services.errors import Invalid, NotFound
from fleet.services.floor_plans import draw_zones, set_neighbours, set_picture
from fleet.services.pictures import MOST_BYTES, harmless
from fleet.store.database import db
from fleet.store.models import AuditEntry, Zone
from fleet.store.queries.floor import place_of, places_set, ward_plan
from fleet.web.views.floors import ALONE
from tests.support.hospital import NOON, build_hospital, reading, say, telemetry

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 200">{}</svg>'


@pytest.fixture
def ward(app: Flask) -> Flask:
    with app.app_context():
        build_hospital()
        say("telemetry", telemetry(reading(1)))
    return app


def svg(inside: str = "<rect width='3' height='4'/>") -> bytes:
    return SVG.format(inside).encode()


def png(size: tuple[int, int] = (30, 20), **saved: object) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, "white").save(file, "PNG", **saved)  # type: ignore[arg-type]
    return file.getvalue()


@pytest.mark.parametrize(
    "nasty",
    [
        "<script>alert(1)</script>",
        "<g onload='alert(1)'/>",
        "<a href='javascript:alert(1)'><rect/></a>",
        "<image href='https://elsewhere.example/x.png'/>",
        "<foreignObject><iframe src='https://elsewhere.example'/></foreignObject>",
        "<style>@import url(https://elsewhere.example)</style>",
        "<rect style='fill:url(https://elsewhere.example)'/>",
        "<rect fill='url(https://elsewhere.example#a)'/>",
        "<rect fill='URL( &quot;//elsewhere.example&quot; )'/>",
        "<use href='https://elsewhere.example#a'/>",
        "<animate attributeName='href' to='javascript:alert(1)'/>",
        "<set attributeName='onload' to='alert(1)'/>",
        "<svg onload='alert(1)'/>",
        "<?php alert(1) ?>",
        "<html:script xmlns:html='http://www.w3.org/1999/xhtml'>alert(1)</html:script>",
    ],
)
def test_of_an_svg_only_shapes_and_words_are_left(nasty: str) -> None:
    kept = harmless(svg(f"<text>bay 1</text>{nasty}<rect width='3'/>")).content.decode()
    assert "bay 1" in kept
    assert 'width="3"' in kept
    for trace in ("alert", "elsewhere", "script", "onload", "href", "style", "iframe"):
        assert trace not in kept


def test_what_refers_to_a_part_of_the_same_picture_stays() -> None:
    kept = harmless(svg("<clipPath id='a'/><rect clip-path='url(#a)'/>")).content
    assert b'clip-path="url(#a)"' in kept


def test_of_a_png_only_pixels_are_left() -> None:
    words = PngInfo()
    words.add_text("note", "<script>alert(1)</script>")
    given = png(pnginfo=words) + b"<script>alert(2)</script>"
    picture = harmless(given)
    assert b"alert" in given
    assert b"alert" not in picture.content
    with Image.open(io.BytesIO(picture.content)) as anew:
        assert anew.size == (picture.width, picture.height) == (30, 20)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "a PNG or SVG file"),
        (b"GIF89a", "this is neither"),
        (b"<html></html>", "this is neither"),
        (b"\x89PNG\r\n\x1a\nrubbish", "this one is damaged"),
        (png()[:60], "this one is damaged"),
        (png((4_001, 2)), "at most 4000 pixels"),
        (b"x" * (MOST_BYTES + 1), "at most 1000 kB"),
        (b"<svg", "cannot be read"),
        (SVG.format("&a;").encode(), "cannot be read"),
        (b"<!DOCTYPE svg [<!ENTITY a 'b'>]>" + svg("&a;"), "cannot be read"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "a viewBox, or a width"),
        (b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 . ."/>', "a viewBox, or a width"),
        (b"<other><svg/></other>", "first element is not svg"),
        (svg("<g>" * 80 + "</g>" * 80), "at most 64 deep"),
    ],
)
def test_what_is_no_picture_is_refused_with_what_would_be_right(content: bytes, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        harmless(content)


def test_control_36_it_is_served_so_that_no_script_could_run_in_it(ward: Flask) -> None:
    with ward.app_context():
        set_picture("ward-3a", svg(), "user:it", NOON)
        plan = ward_plan("ward-3a")
    assert plan
    assert plan.plan
    client = ward.test_client()
    answer = client.get(f"/wards/ward-3a/plan/{plan.plan.sha256}")
    assert answer.status_code == 200
    assert answer.mimetype == "image/svg+xml"
    assert answer.headers["Content-Security-Policy"] == ALONE
    assert ALONE == "default-src 'none'; sandbox"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert client.get("/wards/ward-3a/plan/older").status_code == 404
    assert client.get(f"/wards/ward-3b/plan/{plan.plan.sha256}").status_code == 404


def test_a_cart_has_its_place_on_the_plan(ward: Flask) -> None:
    with ward.app_context():
        assert place_of("cart-002") is None
        set_picture("ward-3a", png(), "user:it", NOON)
        draw_zones("ward-3a", {"3A-bay-1": "10,20 40,80"}, "user:it", NOON)
        place = place_of("cart-001")
    assert place
    assert (place.zone, place.ward_name, place.seen_at) == ("bay 1", "3A", NOON)
    assert place.outline == [[10, 20], [40, 20], [40, 80], [10, 80]]
    page = ward.test_client().get("/carts/cart-001").text
    assert 'points="10.0,20.0 40.0,20.0 40.0,80.0 10.0,80.0 "' in page


def test_zones_are_drawn_all_or_none_and_only_the_wards_own(ward: Flask) -> None:
    with ward.app_context():
        with pytest.raises(Invalid) as refused:
            draw_zones("ward-3a", {"3A-bay-1": "10,20"}, "user:it", NOON)
        assert set(refused.value.fields) == {"3A-bay-1"}
        with pytest.raises(NotFound):
            draw_zones("ward-3b", {"3A-bay-1": "0,0 9,9"}, "user:it", NOON)
        db.session.rollback()
        assert db.session.scalars(select(Zone.outline)).all() == [None]
        draw_zones("ward-3a", {"3A-bay-1": "0,0 9,9"}, "user:it", NOON)
        draw_zones("ward-3a", {"3A-bay-1": ""}, "user:it", NOON)
        assert db.session.scalars(select(Zone.outline)).all() == [None]


def test_neighbours_are_other_wards_of_the_same_hospital_each_once(ward: Flask) -> None:
    with ward.app_context():
        for slugs, words in (
            (["ward-3a"], "not another ward of this hospital; there are ward-3b"),
            (["nowhere"], "nowhere: not another ward"),
            (["ward-3b", "ward-3b"], "each ward once"),
        ):
            with pytest.raises(Invalid, match=words):
                set_neighbours("ward-3a", slugs, "user:it", NOON)
        set_neighbours("ward-3a", ["ward-3b"], "user:it", NOON)
        assert places_set(1) == {2: 1}
        set_neighbours("ward-3a", [], "user:it", NOON)
        assert places_set(1) == {}


def test_control_40_what_it_draws_is_on_record_with_before_and_after(ward: Flask) -> None:
    with ward.app_context():
        set_picture("ward-3a", png(), "user:it", NOON)
        draw_zones("ward-3a", {"3A-bay-1": "0,0 9,9"}, "user:it", NOON)
        set_neighbours("ward-3a", ["ward-3b"], "user:it", NOON)
        actions = ("floor.picture", "floor.zones", "ward.neighbours")
        query = select(AuditEntry).where(AuditEntry.action.in_(actions)).order_by(AuditEntry.id)
        entries = db.session.scalars(query).all()
    assert [entry.action for entry in entries] == list(actions)
    assert {entry.actor for entry in entries} == {"user:it"}
    assert entries[0].before is None
    assert entries[0].after["media_type"] == "image/png"
    assert (entries[1].before, entries[1].after) == ({"3A-bay-1": ""}, {"3A-bay-1": "0,0 9,9"})
    assert entries[2].after == {"neighbours": ["ward-3b"]}
