"""From the token to the label: where this installation enrols, and how its authority is known."""

from flask import current_app

from fleet.config import Settings
from fleet.pki.folder import AuthorityError
from fleet.services.enrolment_tokens import Ticket
from fleet.services.errors import Conflict
from fleet.wire.invitation import Invitation


def check_authority() -> None:
    """Before tokens are made that could invite nobody. Raises Conflict."""
    _ca_sha256()


def invitation(ticket: Ticket) -> Invitation:
    settings: Settings = current_app.config["FLEET"]
    return Invitation(settings.est_url, ticket.device_id, ticket.token, _ca_sha256())


def _ca_sha256() -> str:
    settings: Settings = current_app.config["FLEET"]
    try:
        return settings.pki.ca_sha256()
    except AuthorityError as error:
        raise Conflict(f"there is no certificate authority on this machine ({error})") from error
