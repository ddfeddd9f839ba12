"""People: who they are, what they may and where, and who may no longer come in."""

from typing import Any

from flask import Response, url_for

from fleet.api import clock
from fleet.api.access import Access, actor, allow
from fleet.api.blueprint import Blueprint
from fleet.api.cursors import paged
from fleet.api.schemas import people as schemas
from fleet.services import grants
from fleet.services.add_user import add_user
from fleet.services.disable_user import disable_user, enable_user
from fleet.services.errors import NotFound
from fleet.services.second_factor import reset_second_factor
from fleet.store.queries.people import Person, people

bp = Blueprint("People", "Who may do what, and where.")

ONE = "/people/<username:username>"


@bp.route("/people")
@bp.page(schemas.PersonSchema, schemas.PERSON)
@allow(Access.PEOPLE)
def list_people() -> Response:
    """All of them, by name."""
    return paged(schemas.PersonSchema, people(), None)


@bp.route("/people", methods=["POST"])
@bp.arguments(schemas.NewPersonSchema, example=schemas.NEW_PERSON)
@bp.response(201, schemas.PersonSchema, example=schemas.PERSON)
@allow(Access.PEOPLE)
def add_person(body: dict[str, Any]) -> tuple[Person, int, dict[str, str]]:
    """Somebody new, with a first password and a role."""
    add_user(**body, actor=actor(), now=clock.now())
    username = body["username"]
    return _person(username), 201, {"Location": url_for("People.get_person", username=username)}


@bp.route(ONE)
@bp.response(200, schemas.PersonSchema, example=schemas.PERSON)
@allow(Access.PEOPLE)
def get_person(username: str) -> Person:
    """One person."""
    return _person(username)


@bp.route(f"{ONE}/roles", methods=["POST"])
@bp.arguments(schemas.NewGrantSchema, example=schemas.NEW_GRANT)
@bp.response(200, schemas.PersonSchema, example=schemas.PERSON)
@allow(Access.PEOPLE)
def grant_role(body: dict[str, Any], username: str) -> Person:
    """Give them a role in everything, in a site or in a ward."""
    grants.grant_role(username, **body, actor=actor(), now=clock.now())
    return _person(username)


@bp.route(f"{ONE}/roles/<number:grant_id>", methods=["DELETE"])
@bp.response(204)
@allow(Access.PEOPLE)
def revoke_role(username: str, grant_id: int) -> Response:
    """Take it back."""
    if grant_id not in {grant.id for grant in _person(username).grants}:
        raise NotFound(f"{username} has no role {grant_id}")
    grants.revoke_role(grant_id, actor(), clock.now())
    return Response(status=204)


@bp.route(f"{ONE}/disable", methods=["POST"])
@bp.response(200, schemas.PersonSchema, example=schemas.PERSON)
@allow(Access.PEOPLE)
def disable_person(username: str) -> Person:
    """They sign in no more, and their sessions end at once."""
    disable_user(username, actor(), clock.now())
    return _person(username)


@bp.route(f"{ONE}/enable", methods=["POST"])
@bp.response(200, schemas.PersonSchema, example=schemas.PERSON)
@allow(Access.PEOPLE)
def enable_person(username: str) -> Person:
    """They can sign in again, and may what they could before."""
    enable_user(username, actor(), clock.now())
    return _person(username)


@bp.route(f"{ONE}/reset-second-factor", methods=["POST"])
@bp.response(200, schemas.PersonSchema, example=schemas.PERSON)
@allow(Access.PEOPLE)
def reset_person(username: str) -> Person:
    """For who has lost it: their sessions end, and the password alone lets them in."""
    reset_second_factor(username, actor(), clock.now())
    return _person(username)


def _person(username: str) -> Person:
    found = people(username)
    if not found:
        raise NotFound(f"there is nobody called {username}")
    return found[0]
