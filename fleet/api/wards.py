"""Sites and their wards."""

from typing import Any

from flask import Response, url_for

from fleet.api import clock
from fleet.api.access import Access, At, actor, allow
from fleet.api.blueprint import Blueprint
from fleet.api.cursors import key, paged
from fleet.api.schemas import availability as schemas
from fleet.domain.words import DeviceKind
from fleet.services.errors import Conflict, NotFound
from fleet.services.places import add_site, add_ward
from fleet.services.shifts import set_site_shifts, set_ward_shifts
from fleet.store.queries.wards import SiteRow, WardRow, find_sites, find_wards, site_row, ward_row

bp = Blueprint("Wards", "Sites and wards. To read the wards is open, like the ward board.")


@bp.route("/wards")
@bp.arguments(schemas.WardsQuery, location="query")
@bp.page(schemas.WardSchema, schemas.WARD)
@allow(Access.OPEN)
def list_wards(query: dict[str, Any]) -> Response:
    """The wards, each with its devices by availability."""
    (after,) = query.get("cursor", (None,))
    found = find_wards(clock.now(), query["kind"], query.get("site"), after, query["limit"])
    return paged(schemas.WardSchema, found.rows, key(found.after))


@bp.route("/wards/<slug:slug>")
@bp.arguments(schemas.WardQuery, location="query")
@bp.response(200, schemas.WardSchema, example=schemas.WARD)
@allow(Access.OPEN)
def get_ward(query: dict[str, Any], slug: str) -> WardRow:
    """One ward, with its devices by availability."""
    return _ward(slug, query["kind"])


@bp.route("/sites")
@bp.arguments(schemas.SitesQuery, location="query")
@bp.page(schemas.SiteSchema, schemas.SITE)
@allow(Access.READ, at=At.ANY)
def list_sites(query: dict[str, Any]) -> Response:
    """The hospitals."""
    (after,) = query.get("cursor", (None,))
    found = find_sites(after, query["limit"])
    return paged(schemas.SiteSchema, found.rows, key(found.after))


@bp.route("/sites/<slug:slug>")
@bp.response(200, schemas.SiteSchema, example=schemas.SITE)
@allow(Access.READ, at=At.SITE)
def get_site(slug: str) -> SiteRow:
    """One hospital."""
    return _site(slug)


@bp.route("/sites", methods=["POST"])
@bp.arguments(schemas.SiteSchema, example=schemas.SITE)
@bp.response(201, schemas.SiteSchema, example=schemas.SITE)
@allow(Access.SITES)
def create_site(body: dict[str, Any]) -> tuple[SiteRow, int, dict[str, str]]:
    """Enter a hospital."""
    slug = body["slug"]
    times = body["timezone"], actor(), clock.now(), body["shift_starts"]
    if not add_site(slug, body["name"], *times):
        raise Conflict(f"site {slug} is there already")
    return _site(slug), 201, {"Location": url_for("Wards.get_site", slug=slug)}


@bp.route("/sites/<slug:slug>/wards", methods=["POST"])
@bp.arguments(schemas.NewWardSchema, example=schemas.NEW_WARD)
@bp.response(201, schemas.WardSchema, example=schemas.WARD)
@allow(Access.SITES, at=At.SITE)
def create_ward(body: dict[str, Any], slug: str) -> tuple[WardRow, int, dict[str, str]]:
    """Enter a ward of this hospital, with its zones."""
    ward = body["slug"]
    zones = [(zone["code"], zone["name"]) for zone in body["zones"]]
    if not add_ward(slug, ward, body["name"], actor(), clock.now(), zones):
        raise Conflict(f"ward {ward} is there already")
    location = url_for("Wards.get_ward", slug=ward)
    return _ward(ward, DeviceKind.MEDICATION_CART), 201, {"Location": location}


@bp.route("/sites/<slug:slug>/shifts", methods=["PUT"])
@bp.arguments(schemas.SiteShiftsSchema, example=schemas.SHIFTS)
@bp.response(200, schemas.SiteSchema, example=schemas.SITE)
@allow(Access.WARD, at=At.SITE)
def put_site_shifts(body: dict[str, Any], slug: str) -> SiteRow:
    """Say when shifts start in this hospital."""
    set_site_shifts(slug, body["shift_starts"], actor(), clock.now())
    return _site(slug)


@bp.route("/wards/<slug:slug>/shifts", methods=["PUT"])
@bp.arguments(schemas.WardShiftsSchema, example=schemas.SHIFTS)
@bp.response(200, schemas.WardSchema, example=schemas.WARD)
@allow(Access.WARD, at=At.WARD)
def put_ward_shifts(body: dict[str, Any], slug: str) -> WardRow:
    """Say when shifts start in this ward; null: as in the rest of its hospital."""
    set_ward_shifts(slug, body["shift_starts"], actor(), clock.now())
    return _ward(slug, DeviceKind.MEDICATION_CART)


def _site(slug: str) -> SiteRow:
    row = site_row(slug)
    if row is None:
        raise NotFound(f"no site {slug}")
    return row


def _ward(slug: str, kind: str) -> WardRow:
    row = ward_row(slug, clock.now(), kind)
    if row is None:
        raise NotFound(f"no ward {slug}")
    return row
