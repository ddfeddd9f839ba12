"""Messages that could not be accepted, shown as what they are and run as nothing."""

from datetime import timedelta

from flask import render_template, request
from flask.typing import ResponseReturnValue

from fleet.access import allow
from fleet.domain.access import Access
from fleet.store.queries.quarantine import find_quarantined, strangers
from fleet.web import clock
from fleet.web.views.console import it, whole

STRANGERS_OF = timedelta(days=7)


@it.get("/quarantine")
@allow(Access.READ)
def quarantine() -> ResponseReturnValue:
    now = clock.now()
    device_id = request.args.get("device_id") or None
    page = find_quarantined(device_id, whole(request.args, "before", bits=63))
    unknown = [] if device_id else strangers(now - STRANGERS_OF)
    return render_template(
        "it/quarantine.html", now=now, page=page, device_id=device_id, strangers=unknown
    )


@it.app_template_filter("payload")
def payload(start: bytes) -> str:
    """Readable text as text (templates escape it); anything else byte by byte."""
    text = start.decode("utf-8", errors="replace")
    readable = sum(letter.isprintable() or letter in "\r\n\t" for letter in text)
    if "\ufffd" not in text[:-4] and readable == len(text):
        return text
    rows = (start[place : place + 16] for place in range(0, len(start), 16))
    return "\n".join(f"{row.hex(' '):<47}  {_visible(row)}" for row in rows)


def _visible(row: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
