"""Configuration profiles and their versions, which never change."""

from typing import Any

from flask import Response, url_for

from fleet.api import clock
from fleet.api.access import Access, At, actor, allow
from fleet.api.blueprint import Blueprint
from fleet.api.cursors import paged
from fleet.api.etags import tagged
from fleet.api.problems import problem
from fleet.api.schemas import profiles as schemas
from fleet.domain.documents import differences
from fleet.services.errors import NotFound
from fleet.services.load_profiles import Loaded, load_profile
from fleet.services.profile_document import ProfileSchema
from fleet.store.queries.profiles import (
    ProfileHead,
    document_of,
    profile_head,
    profile_heads,
    versions_of,
)

bp = Blueprint("Profiles", "What devices should be like.")


@bp.route("/profiles")
@bp.page(schemas.ProfileHeadSchema, schemas.PROFILE)
@allow(Access.READ, at=At.ANY)
def list_profiles() -> Response:
    """All profiles, on one page."""
    return paged(schemas.ProfileHeadSchema, profile_heads(), None)


@bp.route("/profiles", methods=["POST"])
@bp.arguments(ProfileSchema, example=schemas.DOCUMENT)
@bp.response(201, schemas.LoadedSchema, description="A new version.")
@bp.alt_response(200, schema=schemas.LoadedSchema, description="This version is there already.")
@allow(Access.PROFILES)
def load(document: dict[str, Any]) -> tuple[Loaded, int, dict[str, str]]:
    """Load a document: a changed one becomes a new version, an unchanged one none.

    The document is what `firmware_profiles/*.yaml` hold. Nothing is assigned by it.
    """
    loaded = load_profile(document, actor(), clock.now())
    location = url_for("Profiles.get_document", slug=loaded.slug, number=loaded.number)
    return loaded, 201 if loaded.is_new else 200, {"Location": location}


@bp.route("/profiles/<slug:slug>")
@bp.response(200, schemas.ProfileHeadSchema, example=schemas.PROFILE)
@allow(Access.READ, at=At.ANY)
def get_profile(slug: str) -> ProfileHead:
    """One profile."""
    return _profile(slug)


@bp.route("/profiles/<slug:slug>/versions")
@bp.page(schemas.ProfileVersionSchema, schemas.VERSION)
@allow(Access.READ, at=At.ANY)
def list_versions(slug: str) -> Response:
    """Its versions, the newest first, on one page."""
    return paged(schemas.ProfileVersionSchema, versions_of(_profile(slug).id), None)


@bp.route("/profiles/<slug:slug>/versions/<number:number>")
@bp.response(200, ProfileSchema, example=schemas.DOCUMENT)
@allow(Access.READ, at=At.ANY, etag=True)
def get_document(slug: str, number: int) -> Response:
    """The document of one version."""
    document = document_of(_profile(slug).id, number)
    if document is None:
        raise NotFound(f"no version {number} of {slug}")
    return tagged(ProfileSchema, document, number)


@bp.route("/profiles/<slug:slug>/diff")
@bp.arguments(schemas.DiffQuery, location="query")
@bp.page(schemas.DifferenceSchema, schemas.DIFFERENCE)
@allow(Access.READ, at=At.ANY)
def diff(query: dict[str, Any], slug: str) -> Response:
    """What differs between two versions, path by path."""
    profile = _profile(slug)
    old, new = document_of(profile.id, query["old"]), document_of(profile.id, query["new"])
    if old is None or new is None:
        absent = [name for name, document in (("from", old), ("to", new)) if document is None]
        wrong = [{"field": name, "in": "query", "detail": "no such version"} for name in absent]
        return problem(422, f"no such version of {slug}", wrong)
    return paged(schemas.DifferenceSchema, differences(old, new), None)


def _profile(slug: str) -> ProfileHead:
    head = profile_head(slug)
    if head is None:
        raise NotFound(f"no profile {slug}")
    return head
