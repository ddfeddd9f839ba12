"""What the service says of itself on standard error: JSON for machines, text for people.

One record is one line, whatever stands in it: nobody can write a line of the log by what they send.
"""

import json
import logging
import re
import sys
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from fleet.config import LogFormat, SettingError, Settings
from fleet.request_id import current as current_request

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

_SECRETS = (
    (re.compile(r"\bwf_[\w-]{8,}"), "wf_***"),  # services.api_tokens
    (re.compile(r"\bwardfleet_session=[^;\s]+"), "wardfleet_session=***"),  # fleet.identity
    (re.compile(r"/setup/[\w-]{8,}"), "/setup/***"),  # services.first_administrator
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), r"\1 ***"),
    (re.compile(r"://[^/\s@]+@"), "://***@"),
    (
        re.compile(r"(?i)\b(password|passwd|pin|secret|token|api[_-]?key)(['\"]?\s*[=:]\s*)\S+"),
        r"\1\2***",
    ),
)
"""What looks like a secret. We log none; this is for what a library may say of our words."""


def set_up(process: str) -> None:
    """From now on, as FLEET_LOG and FLEET_LOG_LEVEL say."""
    try:
        settings = Settings.from_env()
    except SettingError:
        settings = None  # the command itself says which is wrong
    wanted = settings.log_format if settings else LogFormat.AUTO
    on_terminal = wanted == LogFormat.AUTO and sys.stderr.isatty()
    in_text = wanted == LogFormat.TEXT or on_terminal
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(TextFormatter() if in_text else JsonFormatter(process, settings))
    # A person at a terminal looks for what is wrong.
    level = settings.log_level if settings else None
    logging.basicConfig(
        level=(level or ("warning" if in_text else "info")).upper(), handlers=[handler], force=True
    )
    for library in ("alembic", "apscheduler", "werkzeug"):
        logging.getLogger(library).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    sys.excepthook = _log_the_end


class JsonFormatter(logging.Formatter):
    """An object a line. `record.fields`, where there are any, stand beside the message."""

    def __init__(self, process: str, settings: Settings | None) -> None:
        super().__init__()
        self._process, self._settings = process, settings

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, Any] = {
            "ts": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": without_secrets(record.getMessage()),
            "process": self._process,
        }
        if self._settings:
            line["instance"] = self._settings.instance_name(self._process)
        if request_id := current_request.get():
            line["request_id"] = request_id
        for name, value in getattr(record, "fields", {}).items():
            line[name] = without_secrets(value) if isinstance(value, str) else value
        if record.exc_info:
            line["exception"] = without_secrets(self.formatException(record.exc_info))
        return json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    """A line at the margin is a record; what is set in belongs to the one above."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created).astimezone()
        request_id = current_request.get()
        line = (
            f"{at:%Y-%m-%d %H:%M:%S} {record.levelname} {record.name}: "
            f"{_visible(without_secrets(record.getMessage()))}"
            f"{f' [{request_id}]' if request_id else ''}"
        )
        if record.exc_info:
            trace = without_secrets(self.formatException(record.exc_info)).splitlines()
            line = "\n    ".join((line, *map(_visible, trace)))
        return line


def without_secrets(text: str) -> str:
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def _visible(text: str) -> str:
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _log_the_end(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("fleet").critical("ended by an error", exc_info=(kind, error, trace))
