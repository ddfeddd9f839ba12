"""One device's card: what the code on it opens, and what people do with it by a tap."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from flask import Blueprint, abort, jsonify, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString

from fleet.access import At, allow
from fleet.domain.access import Access
from fleet.domain.board import as_of
from fleet.domain.commands import CommandName
from fleet.domain.holding import FAULTS, UNDO_FOR
from fleet.services.errors import (
    Conflict,
    Invalid,
    NotFound,
    ServiceError,
    TooManyAttempts,
    Unauthorized,
)
from fleet.services.holds import Deed
from fleet.services.report_fault import report_fault
from fleet.services.return_device import return_device
from fleet.services.ring_device import ring_device
from fleet.services.take_device import take_device
from fleet.services.undo_deed import undo_deed
from fleet.store.queries.board import next_deadline
from fleet.store.queries.card import device_card, device_revision, head_of_device
from fleet.store.queries.floor import place_of
from fleet.web import clock
from fleet.web.at_screen import hand, said
from fleet.web.board_etag import etag_of, not_modified, stamped, still_true
from fleet.web.sayings import refusal

carts = Blueprint("carts", __name__)
P = ParamSpec("P")

STATUS = {Conflict: 409, NotFound: 404, TooManyAttempts: 429, Unauthorized: 401, Invalid: 422}


@carts.get("/carts/<device_id>")
@allow(Access.OPEN)
def cart(device_id: str) -> ResponseReturnValue:
    return _page(device_id, "board/cart.html")


@carts.get("/carts/<device_id>/board")
@allow(Access.OPEN)
def cart_fragment(device_id: str) -> ResponseReturnValue:
    """The part of the page that moves. 304 while it is what the browser already shows."""
    now = clock.now()
    revision = device_revision(device_id)
    if revision is None:
        abort(404)
    if etag := still_true(str(revision), now):
        return not_modified(etag, now)
    return _page(device_id, "board/_cart.html")


def answered(deed: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """In JSON, for the page's own script: what was done, or why not and what is missing."""

    @wraps(deed)
    def view(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        try:
            return deed(*args, **kwargs)
        except ServiceError as problem:
            return said(f"{refusal(problem.message)}.", STATUS[type(problem)])

    return view


@carts.post("/carts/<device_id>/take")
@answered
@allow(Access.USE)
def take(device_id: str) -> ResponseReturnValue:
    return _done(take_device(device_id, hand(), clock.now()), _("You have taken %(cart)s."))


@carts.post("/carts/<device_id>/return")
@answered
@allow(Access.USE)
def give_back(device_id: str) -> ResponseReturnValue:
    return _done(return_device(device_id, hand(), clock.now()), _("%(cart)s is returned."))


@carts.post("/carts/<device_id>/broken")
@answered
@allow(Access.USE)
def broken(device_id: str) -> ResponseReturnValue:
    reason = request.form.get("reason", "")
    deed = report_fault(device_id, reason, hand(), clock.now())
    return _done(deed, _("%(cart)s is out of service. IT has a ticket."))


@carts.post("/carts/<device_id>/ring")
@answered
@allow(Access.USE)
def ring(device_id: str) -> ResponseReturnValue:
    """A badge alone will do: nothing becomes different by it."""
    ring_device(device_id, CommandName.LOCATE, hand(changes=False), clock.now())
    return jsonify(
        words=gettext("It is told to ring, for as long as two minutes if it is out of reach.")
    )


@carts.post("/undo")
@answered
@allow(Access.USE, At.ANY)
def undo() -> ResponseReturnValue:
    who = hand()
    kind, key = request.form.get("kind", ""), request.form.get("key", "")
    if not (key.isascii() and key.isdigit() and len(key) < 10):
        raise NotFound("no such deed")
    undo_deed(kind, int(key), who, clock.now())
    return jsonify(words=gettext("Undone."))


def _done(deed: Deed, words: LazyString) -> ResponseReturnValue:
    """`words` with a place for what stands on its label."""
    undo = {"kind": deed.kind, "key": deed.key, "ms": int(UNDO_FOR.total_seconds() * 1000)}
    return jsonify(words=str(words) % {"cart": deed.asset_tag}, undo=undo)


def _page(device_id: str, template: str) -> ResponseReturnValue:
    # The revision before the card: if something changes between, the next poll fetches again.
    head = head_of_device(device_id)
    found = device_card(device_id)
    if head is None or found is None:
        abort(404)
    now = clock.now()
    shift_end = head.shift_end(now)
    etag = etag_of(str(head.revision), next_deadline([found.card], [shift_end], now))
    page = render_template(
        template, now=now, etag=etag, ward=head, kind=found.kind, shift_end=shift_end,
        card_shown=as_of(found.card, now, shift_end), place=place_of(device_id), faults=FAULTS,
    )  # fmt: skip
    return stamped(make_response(page), etag, now)
