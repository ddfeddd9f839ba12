"""The pages in the languages of those who read them."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from flask import Flask
from flask.testing import FlaskClient

from fleet.domain.words import Availability
from fleet.services import passwords
from fleet.web import sayings, words
from fleet.web.languages import FOLDER, clock_time, date_and_time
from tests.support.console import signed_in
from tests.support.hospital import build_hospital, reading, say, telemetry
from tests.support.templates import unmarked

WEB = FOLDER.parent
TEMPLATES = WEB / "templates"
WARD = "/wards/ward-3a"
CODES = ("de", "es", "hi")
PLACES = re.compile(r"%\(\w+\)s|</?[a-z][^>]*>")
NOT_YET = {"it", "macros.html"}
"""The console's own pages: in English until they are marked."""
NIGHT = datetime(2026, 11, 24, 2, 5, tzinfo=UTC)


@pytest.fixture
def app(sqlite_url: str, app: Flask) -> Flask:
    """Words are the same on every database."""
    return app


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def ward(app: Flask, client: FlaskClient) -> FlaskClient:
    now = datetime.now(UTC)
    with app.app_context():
        build_hospital(carts=2, now=now)
        say("telemetry", telemetry(reading(1, 92, now)), now)
    return client


def catalogue(code: str) -> Catalog:
    with (FOLDER / code / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=code)


def marked() -> Iterator[tuple[str, str | tuple[str, ...]]]:
    """File and message, as `make messages` finds them."""
    methods = [("**.py", "python"), ("templates/**.html", "jinja2")]
    keywords = {
        "_": None, "gettext": None, "lazy_gettext": None, "marked": None, "ngettext": (1, 2),
    }  # fmt: skip
    options = {"templates/**.html": {"trimmed": "true", "silent": "false"}}
    for file, _line, message, *_ in extract_from_dir(WEB, methods, options, keywords=keywords):
        yield file, message


def translated(code: str) -> dict[str | tuple[str, ...], str | tuple[str, ...]]:
    return {message.id: message.string for message in catalogue(code) if message.id}


def visible(page: str) -> str:
    return re.sub(r"<[^>]*>", " ", page[page.index("<body") :])


def test_no_visible_word_of_the_boards_and_entrances_is_left_unmarked() -> None:
    found = {
        name: words_
        for path in sorted(TEMPLATES.rglob("*.html"))
        if (name := str(path.relative_to(TEMPLATES))).split("/")[0] not in NOT_YET
        and (words_ := unmarked(path))
    }
    assert found == {}


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("<p>{{ _('Take') }} 5 %</p>", []),
        ("<p>Take <b>{{ cart }}</b></p>", ["Take"]),
        ("<p>{{ 'none' if x else _('some') }}</p>", ["none"]),
        ("<p aria-label='Take this'></p>", ["Take this"]),
        ("<p class='{{ 'wide' if x == 'tall' }}'>{{ x or 'nothing' }}</p>", ["nothing"]),
        ("{% trans %}Take it{% endtrans %}{% set end = 'x' ~ y %}", []),
    ],
)
def test_an_unmarked_word_is_found(tmp_path: Path, template: str, found: list[str]) -> None:
    (tmp_path / "page.html").write_text(template)
    assert unmarked(tmp_path / "page.html") == found


@pytest.mark.parametrize("code", CODES)
def test_every_marked_message_is_translated_and_none_is_left_over(code: str) -> None:
    there = translated(code)
    assert {message for _, message in marked()} == set(there), "run `make messages`"
    untranslated = [
        (file, message)
        for file, message in marked()
        if not all(part.strip() for part in _parts(there[message]))
        and file.removeprefix("templates/").split("/")[0] not in NOT_YET
    ]
    assert untranslated == []
    assert [message.id for message in catalogue(code) if message.id and message.fuzzy] == []


@pytest.mark.parametrize("code", CODES)
def test_a_translation_has_the_places_and_tags_of_its_message(code: str) -> None:
    differing = [
        (message, form)
        for message, text in translated(code).items()
        for number, form in enumerate(_parts(text))
        if form and _places(form) != _places(_parts(message)[min(number, len(_parts(message)) - 1)])
    ]
    assert differing == []


def _places(text: str) -> list[str]:
    return sorted(PLACES.findall(text))


def _parts(text: str | tuple[str, ...]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


@pytest.mark.parametrize(
    ("code", "word"), [("de", "Nehmen"), ("es", "Tomar"), ("hi", "यह लें"), ("en", "Take")]
)
def test_the_board_speaks_as_the_browser_asks(ward: FlaskClient, code: str, word: str) -> None:
    answer = ward.get(WARD, headers={"Accept-Language": f"{code}-XX, fr;q=0.9, en;q=0.5"})
    assert f'<html lang="{code}" dir="ltr">' in answer.text
    assert word in visible(answer.text)
    assert answer.headers["Content-Language"] == code


def test_what_was_chosen_on_the_screen_holds_against_the_browser(ward: FlaskClient) -> None:
    chosen = ward.get(f"/language/de?back={WARD}?kind=tablet")
    assert (chosen.status_code, chosen.location) == (303, f"{WARD}?kind=tablet")
    assert "Alle Stationen" in ward.get(WARD, headers={"Accept-Language": "es"}).text
    ward.get("/language/en")
    assert "All wards" in ward.get(WARD, headers={"Accept-Language": "es"}).text


def test_a_language_that_is_not_there_is_english(ward: FlaskClient) -> None:
    ward.set_cookie("language", "tlh")
    assert "All wards" in ward.get(WARD, headers={"Accept-Language": "tlh"}).text
    assert ward.get("/language/tlh").status_code == 404


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_a_choice_leads_back_to_our_own_pages_alone(ward: FlaskClient, back: str) -> None:
    assert ward.get("/language/de", query_string={"back": back}).status_code == 404


def test_a_board_in_another_language_is_not_what_the_browser_shows(ward: FlaskClient) -> None:
    english = ward.get(f"{WARD}/board").headers["ETag"]
    same = {"If-None-Match": english}
    assert ward.get(f"{WARD}/board", headers=same).status_code == 304
    german = ward.get(f"{WARD}/board", headers=same | {"Accept-Language": "de"})
    assert german.status_code == 200
    assert german.headers["X-Build"] != ward.get(f"{WARD}/board").headers["X-Build"]


def test_the_console_is_english_until_all_of_it_is_translated(
    app: Flask, ward: FlaskClient
) -> None:
    page = signed_in(app, ward).get("/it", headers={"Accept-Language": "de"})
    assert '<html lang="en"' in page.text
    assert ">Overview</a>" in page.text
    assert "Übersicht" not in page.text


def test_the_api_speaks_english_to_everybody(ward: FlaskClient) -> None:
    asked = {"Accept-Language": "de"}
    german, english = (ward.get("/api/v1/devices", headers=each) for each in (asked, {}))
    assert (german.status_code, german.headers.get("Content-Language")) == (401, None)
    assert german.json | {"request_id": ""} == english.json | {"request_id": ""}


def test_what_rules_and_services_say_is_translated_too(app: Flask) -> None:
    reasons = [
        "battery failed", "emar, labels not running", "reports no battery",
        "plugged in, not charging",
    ]  # fmt: skip
    refusals = [
        *filter(None, (passwords.weakness(p, "ada") for p in ("x", "x" * 300, "a" * 20))),
        passwords.weakness("my name is ada lovelace", "ada"),
        "too many wrong ones; try again in five minutes",
        "This name and password do not belong together.",
    ]
    assert len(refusals) == 6
    with app.test_request_context(headers={"Accept-Language": "de"}):
        for text in reasons:
            assert sayings.reason(text) != text
        for text in refusals:
            assert sayings.refusal(text) != text
        assert sayings.reason("emar, labels not running") == "emar, labels läuft nicht"
        assert sayings.reason("something new") == "something new"


def test_the_reasons_that_are_translated_are_those_that_the_rules_give() -> None:
    source = (WEB.parent / "domain" / "condition.py").read_text()
    given = re.findall(r"Availability\.\w+, f?\"([^\"]+)\"", source)
    assert len(given) >= 3
    for reason in given:
        assert any(sayings._as_regex(pattern).fullmatch(reason) for pattern in sayings.REASONS), (
            reason
        )


@pytest.mark.parametrize(
    ("code", "clock", "moment"),
    [
        ("en", "03:05", "2026-11-24 03:05"),
        ("de", "03:05", "24.11.2026 03:05"),
        ("es", "3:05", "24/11/2026 3:05"),
        ("hi", "03:05", "24/11/2026 03:05"),
    ],
)
def test_times_are_the_sites_in_the_form_of_the_language(
    app: Flask, code: str, clock: str, moment: str
) -> None:
    with app.test_request_context(headers={"Accept-Language": code}):
        assert clock_time(NIGHT, "Europe/Berlin") == clock
        assert date_and_time(NIGHT, "Europe/Berlin") == moment
        assert clock_time(NIGHT + timedelta(hours=12), "Europe/Berlin") == "15:05"


@pytest.mark.parametrize("code", CODES)
def test_numbers_and_ages_are_in_the_form_of_the_language(app: Flask, code: str) -> None:
    expected = {
        "de": ("vor 5 Min.", "6 h 10", "48,2 MB"),
        "es": ("hace 5 min", "6 h 10", "48,2 MB"),
        "hi": ("5 मिनट पहले", "6 घं॰ 10", "48.2 MB"),
    }[code]
    with app.test_request_context(headers={"Accept-Language": code}):
        said = (
            words.age(NIGHT, NIGHT + timedelta(minutes=5)),
            words.runtime(370),
            words.megabytes(48_234_496),
        )
        assert said == expected
        assert str(words.AVAILABILITIES[Availability.AVAILABLE].word) != "Available"


def test_scripts_speak_the_language_of_their_page(ward: FlaskClient) -> None:
    page = ward.get(WARD, headers={"Accept-Language": "de"}).text
    assert "vor %(n)s s" in page
    assert " ago" not in page
