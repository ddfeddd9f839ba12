"""How the pages answer when something is wrong, and what every answer carries."""

import json

import pytest
from flask import Flask
from flask.testing import FlaskClient

from fleet.web import bundle
from tests.support.console import signed_in


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Nothing here depends on the database."""
    return sqlite_url


def test_a_wrong_address_gets_a_page_and_the_api_gets_a_problem(client: FlaskClient) -> None:
    page = client.get("/nowhere")
    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert "Nothing here" in page.text
    problem = client.get("/api/v1/nowhere")
    assert problem.status_code == 404
    assert problem.mimetype == "application/problem+json"


def test_a_fault_of_ours_shows_a_page_without_its_cause(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("secret of the database")

    monkeypatch.setattr("fleet.store.queries.board.ward_heads", fail)
    answer = app.test_client().get("/")
    assert answer.status_code == 500
    assert "Something broke on our side" in answer.text
    assert "secret" not in answer.text


@pytest.mark.parametrize("path", ["/", "/login", "/nowhere", "/healthz", "/static/icon.svg"])
def test_control_36_every_answer_says_what_a_browser_may_do_with_it(
    client: FlaskClient, path: str
) -> None:
    with client.get(path) as answer:
        headers = answer.headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'self'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize(
    "elsewhere",
    ["//evil.example", "https://evil.example", "/\\evil.example", "/\n/evil.example", "it"],
)
def test_signing_in_leads_nowhere_but_to_our_own_pages(client: FlaskClient, elsewhere: str) -> None:
    page = client.get("/login")
    token = page.text.split('name="csrf_token" value="')[1].split('"')[0]
    data = {"csrf_token": token, "username": "x", "password": "y"}
    answer = client.post("/login", query_string={"next": elsewhere}, data=data)
    assert answer.status_code == 400


def test_no_page_holds_a_script_or_a_style_of_its_own(client: FlaskClient) -> None:
    for path in ("/", "/login", "/nowhere"):
        page = client.get(path).text
        assert " style=" not in page
        assert "<style" not in page
        assert all("src=" in tag[: tag.index(">")] for tag in page.split("<script")[1:])


def test_built_files_are_kept_for_ever_and_others_are_not(client: FlaskClient) -> None:
    if not bundle.MANIFEST.exists():
        pytest.skip("the front end is not built")
    built = json.loads(bundle.MANIFEST.read_text())["board.js"]
    with client.get(f"/static/dist/{built}") as kept, client.get("/static/icon.svg") as other:
        assert "immutable" in kept.headers["Cache-Control"]
        assert "immutable" not in other.headers["Cache-Control"]


@pytest.mark.parametrize(("scheme", "is_secure"), [("https", True), ("http", False)])
def test_no_cookie_goes_out_in_plain_text_where_there_is_https(
    app: Flask, scheme: str, is_secure: bool
) -> None:
    client = signed_in(app, app.test_client())
    answers = [client.get("/login", base_url=f"{scheme}://localhost")]
    answers += [app.test_client().get("/login", base_url=f"{scheme}://localhost")]
    answers += [client.get("/language/en?back=/", base_url=f"{scheme}://localhost")]
    cookies = [cookie for answer in answers for cookie in answer.headers.getlist("Set-Cookie")]
    assert len(cookies) >= 2
    for cookie in cookies:
        assert ("; Secure" in cookie) == is_secure, cookie
