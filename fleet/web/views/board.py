"""The boards: one ward, and the whole hospital. No login, no names of people."""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from flask import Blueprint, Response, abort, make_response, render_template, request
from flask.typing import ResponseReturnValue

from fleet.domain.board import Board, Card, Group, lay_out
from fleet.domain.handover import Bay, begins_at, to_plug_in
from fleet.domain.holding import FAULTS
from fleet.domain.neighbours import Lender, nearest_lender
from fleet.domain.words import DeviceKind
from fleet.store.queries import board as boards
from fleet.store.queries.board import WardHead
from fleet.store.queries.floor import other_wards, places_set
from fleet.store.queries.outages import SilentSince, outage_of_ward, standing_outages
from fleet.store.queries.tickets import NEWS_FOR, Fixed, fixed_lately
from fleet.web import clock
from fleet.web.board_etag import etag_of, not_modified, stamped, still_true

board = Blueprint("board", __name__)

MOST_WARDS = 24
"""More than these are a directory of links: nobody finds a cart on a screen of thousands."""

LOOK_AROUND_EVERY = timedelta(seconds=10)
"""So old may be what is said of other wards."""


@dataclass(frozen=True, slots=True)
class WardBoard:
    """One ward as laid out now. `handover`: what to plug in before the next shift comes."""

    ward: WardHead
    board: Board
    shift_end: datetime | None
    outage: SilentSince | None
    handover: list[Bay]
    fixed: list[Fixed]
    lender: Lender | None

    @property
    def nearest(self) -> Card | None:
        """With nothing to take: the cart that is ready first."""
        return min(self.board.groups[Group.CHARGING], key=_ready_in, default=None)


def _ready_in(card: Card) -> tuple[int, int]:
    unknown = 10_000
    return (card.full_in_min if card.full_in_min is not None else unknown, -(card.soc_pct or 0))


@board.get("/wards/<slug>")
def ward(slug: str) -> ResponseReturnValue:
    return _ward_answer(slug, "board/ward.html")


@board.get("/wards/<slug>/board")
def ward_fragment(slug: str) -> ResponseReturnValue:
    """The part of the page that moves. 304 while it is what the browser already shows."""
    now = clock.now()
    revision = boards.ward_revision(slug)
    if revision is None:
        abort(404)
    if etag := still_true(str(revision), now):
        return not_modified(etag, now)
    return _ward_answer(slug, "board/_ward.html")


@board.get("/")
def hospital() -> ResponseReturnValue:
    return _hospital_answer("board/hospital.html")


@board.get("/board")
def hospital_fragment() -> ResponseReturnValue:
    now = clock.now()
    if etag := still_true(_hospital_word(), now):
        return not_modified(etag, now)
    return _hospital_answer("board/_hospital.html")


def _ward_answer(slug: str, template: str) -> Response:
    # The revision before the cards: if something changes between, the next poll fetches again.
    head = boards.ward_head(slug)
    if head is None:
        abort(404)
    now, kind = clock.now(), _kind()
    cards = boards.ward_cards(head.id, kind)
    fixed = fixed_lately(head.id, kind, now)
    shown = _laid_out(head, cards, outage_of_ward(head.id), now, fixed)
    if shown.board.best is None:
        others = other_wards(head.id, kind, now)
        shown = replace(shown, lender=nearest_lender(head.name, others, places_set(head.id)))
    moments = [shown.shift_end, begins_at(shown.shift_end)]
    always = [news.fixed_at + NEWS_FOR for news in fixed]
    if shown.lender:  # what others have to spare moves no revision of this ward
        always.append(now + LOOK_AROUND_EVERY)
    etag = etag_of(str(head.revision), boards.next_deadline(cards, moments, now, always))
    return _answer(template, etag, now, shown=shown, ward=head, kind=kind, faults=FAULTS)


def _hospital_answer(template: str) -> Response:
    now, kind, word = clock.now(), _kind(), _hospital_word()
    heads = boards.ward_heads()
    is_directory = len(heads) > MOST_WARDS
    cards = [] if is_directory else boards.hospital_cards(kind)
    by_ward: dict[int, list[Card]] = defaultdict(list)
    for ward_id, card in cards:
        by_ward[ward_id].append(card)
    outages = standing_outages()
    silent = {outage.ward_id: outage.what for outage in outages}
    wards = [_laid_out(head, by_ward[head.id], silent.get(head.id), now) for head in heads]
    ends = [each.shift_end for each in wards]
    etag = etag_of(word, boards.next_deadline((card for _, card in cards), ends, now))
    shown = {"wards": wards, "outages": outages, "is_directory": is_directory}
    return _answer(template, etag, now, kind=kind, **shown)


def _laid_out(
    head: WardHead,
    cards: list[Card],
    outage: SilentSince | None,
    now: datetime,
    fixed: list[Fixed] | None = None,
) -> WardBoard:
    shift_end = head.shift_end(now)
    laid = lay_out(cards, now, shift_end)
    handover = to_plug_in(laid, now, shift_end)
    return WardBoard(head, laid, shift_end, outage, handover, fixed or [], None)


def _answer(template: str, etag: str, now: datetime, **shown: object) -> Response:
    page = render_template(template, now=now, etag=etag, **shown)
    return stamped(make_response(page), etag, now)


def _hospital_word() -> str:
    revision = boards.hospital_revision()
    return f"{revision.wards}.{revision.total}"


def _kind() -> DeviceKind:
    """`?kind=tablet`; carts unless said otherwise."""
    try:
        return DeviceKind(request.args.get("kind", DeviceKind.MEDICATION_CART))
    except ValueError:
        abort(404)
