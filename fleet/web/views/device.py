"""One device: what it is now, its charge over time, its compliance item by item."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from flask import abort, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Row

from fleet.access import allow
from fleet.domain.access import Access
from fleet.domain.battery.basis import basis
from fleet.domain.battery.endurance import Learned
from fleet.domain.commands import CommandName
from fleet.domain.compliance import Item, judge_items
from fleet.domain.presence import DEFAULT_INTERVAL_S
from fleet.domain.words import ComplianceState
from fleet.services.send_command import send_command
from fleet.store.queries.alerts import alerts_of
from fleet.store.queries.battery_pack import packs_of
from fleet.store.queries.charge_history import charge_history
from fleet.store.queries.commands import commands_of
from fleet.store.queries.device import device_by_id, transitions_of
from fleet.store.queries.enrolment import certificates_of, is_waiting
from fleet.store.queries.quarantine import find_quarantined
from fleet.store.queries.runtime import runtime
from fleet.web import clock
from fleet.web.charge_chart import lines, span_of
from fleet.web.load_chart import LoadChart, load_chart
from fleet.web.signed_in import actor
from fleet.web.views.console import it, refused_with_words, whole


@it.get("/devices/<device_id>")
@allow(Access.READ)
def device(device_id: str) -> ResponseReturnValue:
    now = clock.now()
    found = _device(device_id, now)
    chart = load_chart(found.load_profile)
    return render_template(
        "it/device.html",
        now=now,
        device=found,
        runtime=runtime(found, now),
        basis=_basis(found, chart),
        load=chart,
        items=_items(found),
        packs=packs_of(found.id),
        certificates=certificates_of(found.id),
        waits=is_waiting(found.id),
        alerts=alerts_of(found.id),
        commands=commands_of(device_id),
        names=list(CommandName),
        transitions=transitions_of(found.id),
        quarantined=find_quarantined(device_id, limit=10).rows,
    )


@it.post("/devices/<device_id>/commands")
@refused_with_words
@allow(Access.DEVICES)
def command(device_id: str) -> ResponseReturnValue:
    send_command(device_id, request.form.get("name", ""), actor(), clock.now())
    flash("Sent. What becomes of it stands below.")
    return redirect(url_for("it.device", device_id=device_id) + "#commands", code=303)


@it.get("/devices/<device_id>/chart.json")
@allow(Access.READ)
def chart(device_id: str) -> ResponseReturnValue:
    """`span` by its name; or `since` and `until`, in seconds since 1970."""
    now, args = clock.now(), request.args
    since, until = (whole(args, name, bits=40) for name in ("since", "until"))
    span = span_of(args.get("span", "day"), since, until, now)
    if span is None:
        abort(404)
    found, width = _device(device_id, now), span.width
    buckets = charge_history(found.id, span.since, span.until + timedelta(seconds=1), width)
    interval_s = (found.document or {}).get("reporting", {}).get("interval_s", DEFAULT_INTERVAL_S)
    answer = jsonify(
        timezone=found.timezone,
        since=int(span.since.timestamp()),
        until=int(span.until.timestamp()),
        **lines(buckets, int(width.total_seconds()), interval_s),
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _device(device_id: str, now: datetime) -> Row[*tuple[Any, ...]]:
    found = device_by_id(device_id, now)
    if found is None:
        abort(404)
    return found


def _basis(device: Row[*tuple[Any, ...]], chart: LoadChart | None) -> str:
    learned = Learned(device.usable_mah, device.capacity_spread, device.load_spread)
    return basis(learned, device.load_ma, len(chart.bars) if chart else 0)


def _items(device: Row[*tuple[Any, ...]]) -> list[Item]:
    """Every path of its profile, judged now; none without a profile or without a report.

    Nothing is green, or red, by a report that nobody can rely on any more.
    """
    if device.document is None or device.reported_at is None:
        return []
    items = judge_items(device.document, device.reported_items)
    if device.compliance == ComplianceState.UNKNOWN:
        return [replace(item, state=ComplianceState.UNKNOWN, reason=None) for item in items]
    return items
