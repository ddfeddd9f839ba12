"""The enrolment server: EST (RFC 7030), and whose signatures a device is to trust.

Its routes are open to the network of the devices; who may do what is said by token (HTTP Basic) or
by client certificate.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any, ParamSpec

from cryptography import x509
from flask import Blueprint, Flask, Response, current_app, request

from fleet import create_worker
from fleet.config import Settings
from fleet.pki.authority import Authority
from fleet.services.enrol_device import enrol_device
from fleet.services.errors import Conflict, Invalid, ServiceError, Unauthorized
from fleet.services.renew_certificate import renew_certificate
from fleet.services.trust import chain_of
from fleet.store.clock import service_now
from fleet.store.database import db
from fleet.wire import est
from fleet.wire.messages import encode

log = logging.getLogger(__name__)
P = ParamSpec("P")

RETRY_AFTER_S = 30
LARGEST_REQUEST = 65_536
_STATUS: dict[type[ServiceError], int] = {Unauthorized: 401, Conflict: 409, Invalid: 400}

bp = Blueprint("est", __name__, url_prefix=est.ROOT)


def create_est_app(settings: Settings) -> Flask:
    app = create_worker(settings)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_REQUEST
    app.register_blueprint(bp)
    return app


def answers_in_words(view: Callable[P, Response]) -> Callable[P, Response]:
    """What is refused is said in plain text (4.2.3)."""

    @wraps(view)
    def answer(*args: P.args, **kwargs: P.kwargs) -> Response:
        try:
            return view(*args, **kwargs)
        except ServiceError as error:
            status = _STATUS.get(type(error), 400)
            headers = {"WWW-Authenticate": 'Basic realm="wardfleet"'} if status == 401 else {}
            log.info("enrolment refused: %s", error.message)
            return Response(error.message + "\n", status, headers, mimetype="text/plain")

    return answer


@bp.get("/cacerts")
@answers_in_words
def ca_certificates() -> Response:
    """Open: a device must know the authority before it can trust this server."""
    return _certificates(_authority().chain)


@bp.post("/simpleenroll")
@answers_in_words
def enrol() -> Response:
    """By user name (the device id) and password (its token)."""
    who = request.authorization
    if who is None or who.type != "basic" or not who.username or not who.password:
        raise Unauthorized("send the device id and its token as HTTP Basic credentials")
    wanted = _request()
    signed = enrol_device(_authority(), who.username, who.password, wanted, service_now())
    if signed is None:
        words = "waits for approval: ask again\n"
        return Response(words, 202, {"Retry-After": str(RETRY_AFTER_S)}, mimetype="text/plain")
    return _certificates([signed])


@bp.post("/simplereenroll")
@answers_in_words
def renew() -> Response:
    """By the client certificate of the TLS connection."""
    held = _client_certificate(request.environ)
    if held is None:
        raise Unauthorized("show the certificate that is to be renewed")
    return _certificates(
        [renew_certificate(_authority(), held.serial_number, _request(), service_now())]
    )


@bp.get(est.TRUST)
def trust_document() -> Response:
    """Open, as the authority is: a device believes it because it believes this server."""
    chain = chain_of(db.session())
    if not chain:
        return Response(status=204)
    return Response(encode(chain[-1]), mimetype="application/json")


def _request() -> x509.CertificateSigningRequest:
    try:
        return est.read_request(request.get_data())
    except ValueError as error:
        raise Invalid({"request": str(error)}) from error


def _certificates(chain: Any) -> Response:
    body = est.certificates_body(chain)
    headers = {"Content-Transfer-Encoding": "base64"}
    return Response(body, 200, headers, content_type=est.CERTIFICATES_TYPE)


def _client_certificate(environ: dict[str, Any]) -> x509.Certificate | None:
    """What the handshake has verified against our authority; its validity, too."""
    der = environ["gunicorn.socket"].getpeercert(binary_form=True)
    if der is None:
        return None
    certificate = x509.load_der_x509_certificate(der)
    is_ours = certificate.issuer == _authority().certificate.subject
    return certificate if is_ours and _is_now(certificate, datetime.now(UTC)) else None


def _is_now(certificate: x509.Certificate, now: datetime) -> bool:
    return certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc


def _authority() -> Authority:
    """Read anew: the key of one's own may have been changed, and nobody enrols often."""
    settings: Settings = current_app.config["FLEET"]
    return settings.pki.authority()
