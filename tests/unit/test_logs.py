"""One record is one line, whatever stands in it, and no secret stands in any. Controls 42, 43."""

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fleet import logs
from fleet.logs import JsonFormatter, TextFormatter, without_secrets
from fleet.request_id import current, given_or_new

FORGED = 'cart-1\r\n{"level": "critical", "message": "all is lost"}\n2026-11-24 CRITICAL x: \x1b[2J'
FORGED += "\u2028\x85\ud800"


def record(message: str, *args: object, **more: Any) -> logging.LogRecord:
    return logging.LogRecord(
        "fleet.x", logging.WARNING, __file__, 1, message, args, more.get("exc_info")
    )


def in_json(given: logging.LogRecord) -> dict[str, Any]:
    line = JsonFormatter("ingest", None).format(given)
    assert "\n" not in line
    found: dict[str, Any] = json.loads(line)
    return found


def raised(message: str) -> Any:
    try:
        raise ValueError(message)
    except ValueError:
        return sys.exc_info()


@pytest.fixture
def request_id() -> Iterator[str]:
    token = current.set("abcdef-123")
    yield "abcdef-123"
    current.reset(token)


def test_a_line_of_json_says_when_who_and_what(request_id: str) -> None:
    line = in_json(record("%d devices", 3))
    assert line["ts"].endswith("Z")
    assert len(line["ts"]) == len("2026-11-24T06:15:04.123Z")
    assert {k: line[k] for k in ("level", "logger", "message", "process", "request_id")} == {
        "level": "warning",
        "logger": "fleet.x",
        "message": "3 devices",
        "process": "ingest",
        "request_id": request_id,
    }


def test_without_a_request_there_is_no_id_of_one() -> None:
    assert "request_id" not in in_json(record("x"))


def test_an_exception_is_one_field() -> None:
    line = in_json(record("failed", exc_info=raised(FORGED)))
    assert "Traceback" in line["exception"]
    assert line["message"] == "failed"


def test_what_somebody_sent_makes_no_second_line() -> None:
    assert in_json(record("heard %s", FORGED))["message"] == f"heard {FORGED}"
    text = TextFormatter().format(record("heard %s", FORGED))
    assert text.isprintable()
    assert len(text.splitlines()) == 1


def test_in_text_only_records_begin_at_the_margin() -> None:
    text = TextFormatter().format(record("failed", exc_info=raised(FORGED)))
    first, *rest = text.split("\n")
    assert first.endswith("fleet.x: failed")
    assert rest
    assert all(line.startswith("    ") and line.isprintable() for line in rest)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("token wf_7Jq2canaryAAAA1234 was sent", "canary"),
        ("Authorization: Bearer canary.ey12.x", "canary"),
        ("Authorization: Basic Y2FuYXJ5OmNhbmFyeQ==", "Y2FuYXJ5"),
        ("Cookie: wardfleet_session=canary123; a=b", "canary"),
        ("GET /setup/canary-12345678 failed", "canary"),
        ("cannot connect to postgresql://me:canary@db/x", "canary"),
        ("mqtt://canary@broker", "canary"),
        ("password='canary' rejected", "canary"),
        ('{"pin": "canary4711"}', "canary"),
        ("api_key=canary", "canary"),
    ],
)
def test_what_looks_like_a_secret_is_blotted_out(text: str, secret: str) -> None:
    assert secret not in without_secrets(text)
    assert secret not in in_json(record(text))["message"]
    assert secret not in in_json(record("x", exc_info=raised(text)))["exception"]
    assert secret not in TextFormatter().format(record("x", exc_info=raised(text)))


def test_ordinary_words_are_left_alone() -> None:
    for text in (
        "database: no space left on device; trying again in 0.4 s",
        "applied generation 3 of medication-cart",
        "GET /it/devices/cart-017 200",
        "Listening at: http://127.0.0.1:8080 (4711)",
    ):
        assert without_secrets(text) == text


# --- Which, and how much --------------------------------------------------------------------


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """What is written after a set-up with these settings: a word of each level."""
    kept, level, hook = logging.root.handlers[:], logging.root.level, sys.excepthook

    def say(on_terminal: bool = False, **settings: str) -> str:
        stream = io.StringIO()
        stream.isatty = lambda: on_terminal  # type: ignore[method-assign]
        monkeypatch.setattr(sys, "stderr", stream)
        for name in ("FLEET_LOG", "FLEET_LOG_LEVEL"):
            monkeypatch.delenv(name, raising=False)
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        logs.set_up("web")
        for word in ("debug", "info", "warning"):
            getattr(logging.getLogger("fleet.test"), word)("a %s", word)
        return stream.getvalue()

    yield say
    logging.root.handlers[:], sys.excepthook = kept, hook
    logging.root.setLevel(level)
    logging.captureWarnings(False)


def test_a_terminal_gets_text_and_what_is_wrong_and_all_else_gets_json(
    said: Callable[..., str],
) -> None:
    assert said(on_terminal=True).endswith("WARNING fleet.test: a warning\n")
    assert [json.loads(line)["level"] for line in said().splitlines()] == ["info", "warning"]


def test_the_settings_decide_otherwise(said: Callable[..., str]) -> None:
    assert json.loads(said(on_terminal=True, FLEET_LOG="json", FLEET_LOG_LEVEL="warning"))
    debug = said(FLEET_LOG="text", FLEET_LOG_LEVEL="debug")
    assert [line.split()[2] for line in debug.splitlines()] == ["DEBUG", "INFO", "WARNING"]


def test_with_a_setting_that_is_wrong_there_is_a_log_all_the_same(said: Callable[..., str]) -> None:
    assert '"a warning"' in said(FLEET_LOG="xml")


def test_an_error_that_ends_the_process_is_one_line_too(
    said: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    said()
    sys.excepthook(*raised(FORGED))
    line = json.loads(sys.stderr.getvalue().splitlines()[-1])  # type: ignore[attr-defined]
    assert (line["level"], line["message"]) == ("critical", "ended by an error")
    assert "ValueError" in line["exception"]


# --- The id of a request --------------------------------------------------------------------


@pytest.mark.parametrize("given", ["7f3a91c2", "a" * 64, "A-b_c.1234"])
def test_an_id_that_came_along_is_kept(given: str) -> None:
    assert given_or_new(given) == given


@pytest.mark.parametrize(
    "given", [None, "", "short", "a" * 65, "a b c d e f", "x\r\ny: zzzzz", "ä" * 9]
)
def test_what_is_no_id_is_replaced(given: str | None) -> None:
    made = given_or_new(given)
    assert made != given
    assert given_or_new(made) == made
