"""The device's side of enrolment: EST (RFC 7030) over HTTPS."""

import base64
import ssl
from dataclasses import dataclass
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from fleet.wire import est
from fleet.wire.invitation import Invitation as Invitation

TIMEOUT_S = 20.0
LARGEST_ANSWER = 1_000_000
LONGEST_WAIT_S = 3_600


class Refused(ValueError):
    """The enrolment server's own words."""


@dataclass(frozen=True, slots=True)
class Waits:
    """Not approved yet: ask again after so many seconds."""

    seconds: int


def authority(invitation: Invitation) -> bytes:
    """The authority's certificates (PEM), proved by the label. Raises Refused, or OSError."""
    context = ssl.create_default_context()
    # Nobody to trust yet: what comes is held against the label's fingerprint.
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    body = _ask(invitation.url, context, "GET", "/cacerts")
    assert isinstance(body, bytes)
    chain = est.read_certificates(body)
    known = [
        each
        for each in chain
        if each.fingerprint(hashes.SHA256()).hex() == invitation.ca_sha256.lower()
    ]
    if not known:
        raise Refused("this is not the authority that the label names")
    others = [each for each in chain if each not in known]
    return b"".join(each.public_bytes(Encoding.PEM) for each in known + others)


def enrol(
    invitation: Invitation, trusted: bytes, request: x509.CertificateSigningRequest
) -> list[x509.Certificate] | Waits:
    """Raises Refused, or OSError where nobody answers."""
    context = ssl.create_default_context(cadata=trusted.decode())
    basic = base64.b64encode(f"{invitation.device_id}:{invitation.token}".encode()).decode()
    proof = {"Authorization": f"Basic {basic}"}
    answer = _ask(invitation.url, context, "POST", "/simpleenroll", request, proof)
    return answer if isinstance(answer, Waits) else est.read_certificates(answer)


def trust_document(invitation: Invitation, trusted: bytes) -> bytes | None:
    """Whose signatures the service says are to be trusted; None where there is no such document.

    Raises Refused, or OSError where nobody answers.
    """
    context = ssl.create_default_context(cadata=trusted.decode())
    answer = _ask(invitation.url, context, "GET", est.TRUST)
    assert isinstance(answer, bytes)
    return answer or None


def renew(
    url: str, ca: Path, pair: Path, request: x509.CertificateSigningRequest
) -> list[x509.Certificate]:
    """By the certificate in `pair`. Raises Refused, or OSError where nobody answers."""
    context = ssl.create_default_context(cafile=ca)
    context.load_cert_chain(pair)
    answer = _ask(url, context, "POST", "/simplereenroll", request)
    if isinstance(answer, Waits):
        raise Refused("the server wants to be asked again later")
    return est.read_certificates(answer)


def _ask(
    url: str,
    context: ssl.SSLContext,
    method: str,
    path: str,
    request: x509.CertificateSigningRequest | None = None,
    headers: dict[str, str] | None = None,
) -> bytes | Waits:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise ValueError(f"not an address of the form https://host:port: {url!r}")
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    body = est.request_body(request) if request is not None else None
    sent = {**(headers or {}), **({"Content-Type": est.REQUEST_TYPE} if body else {})}
    connection = HTTPSConnection(parts.hostname, parts.port, timeout=TIMEOUT_S, context=context)
    try:
        connection.request(method, est.ROOT + path, body, sent)
        answer = connection.getresponse()
        said = answer.read(LARGEST_ANSWER)
    except HTTPException as error:
        raise ConnectionError(f"{url}: {error}") from error
    finally:
        connection.close()
    if answer.status == 202:
        wait = answer.headers.get("Retry-After", "")
        return Waits(min(int(wait), LONGEST_WAIT_S) if wait.isdigit() else 60)
    if answer.status not in (200, 204):
        raise Refused(f"{answer.status}: {said.decode('utf-8', 'replace').strip()[:500]}")
    return said
