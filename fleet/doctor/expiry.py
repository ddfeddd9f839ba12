"""What ends some day: certificates and the revocation list, the trust document, manifests; and
whether the service can sign what devices follow.
"""

import socket
from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from cryptography import x509

from fleet.config import SettingError
from fleet.doctor.case import Case
from fleet.doctor.finding import Finding, fail, ok, warn
from fleet.pki.expiry import LATE, Ending, certificate_end, endings
from fleet.pki.folder import AuthorityError
from fleet.signing.keys import KeyFileError, load_signer
from fleet.signing.online import online_key_path
from fleet.store.queries import signed
from fleet.trust.documents import Lasting, TrustDocument
from fleet.trust.envelope import read_envelope
from fleet.trust.refusal import Refused
from fleet.trust.verify import read_document

PATIENCE_S = 5.0
TRUST_LATE = timedelta(days=60)
"""Two who hold root keys must be found, and devices that are away hear of it."""
MANIFEST_LATE = timedelta(days=30)

_OWN = "Put a newer one in its place: nobody here renews it."
_OF_THE_BROKER = "Have it read its renewed certificate; `fleet broker config` makes one (docs)."


def certificates_expire(case: Case) -> Iterator[Finding]:
    try:
        found = [*endings(case.settings.pki), *_of_ones_own(case), *_of_the_broker(case)]
    except AuthorityError as error:
        yield fail("expiry", str(error), "Put it right, or restore it from a backup.")
        return
    for ending in found:
        yield _judged(ending, case.now)


def signatures(case: Case) -> Iterator[Finding]:
    """Trust document, online key and manifests, where trust is switched on."""
    envelope = signed.newest_trust(case.session)
    if envelope is None:
        yield ok("signing", "no trust document: devices follow profiles that nobody has signed")
        return
    document = _document(envelope)
    if not isinstance(document, TrustDocument):
        do = "Restore the newest backup whose trust document can be read."
        yield fail("signing", "the trust document in the database cannot be read", do)
        return
    yield _online_key(case, document)
    do = "Sign the next one with the root keys: `fleet keys rotate`, `sign`, `install`."
    yield _judged(Ending("trust document", document.expires_at, TRUST_LATE, do), case.now)
    yield from _manifests(case)


def _manifests(case: Case) -> Iterator[Finding]:
    """Of the profile versions that are assigned, and of the newest release."""
    for slug, number, manifest in signed.assigned_versions(case.session):
        name = f"profile {slug} {number}"
        do = f"Sign it anew: `fleet profile manifest {slug} {number} OUT`, `keys sign`, `sign`."
        document = _document(manifest) if manifest is not None else None
        if document is None:
            yield fail(f"expiry {name}", "is not signed: devices refuse it", do)
        else:
            yield _judged(Ending(name, document.expires_at, MANIFEST_LATE, do), case.now)
    newest = signed.newest_release(case.session)
    if newest is not None:
        do = "Add a newer release before this one is rolled out further."
        yield _judged(Ending(f"release {newest[0]}", newest[1], MANIFEST_LATE, do), case.now)


def _online_key(case: Case, document: TrustDocument) -> Finding:
    path = online_key_path(case.settings.data_dir)
    do = (
        "Put it back from a backup, or make one with `fleet keys make online` and name it in the "
        "next trust document (`fleet keys rotate`)."
    )
    lost = "devices refuse every profile and release that is sent from now on"
    try:
        key = load_signer(path).public_key.keyid
    except KeyFileError as error:
        return fail("online key", f"{error}: {lost}", do)
    if key not in document.online.keys:
        return fail("online key", f"{path} is not named by the trust document: {lost}", do)
    return ok("online key", f"{path}, named by trust document {document.version}")


def _document(envelope: bytes) -> Lasting | None:
    try:
        return read_document(read_envelope(envelope))
    except Refused:
        return None


def _of_ones_own(case: Case) -> Iterator[Ending]:
    """Raises AuthorityError."""
    own = case.settings.http_pair, case.settings.mqtt_files
    named = {
        "pages": own[0][0] if own[0] else None,
        "at the broker": own[1].cert if own[1] else None,
    }
    for name, path in named.items():
        if path is not None:
            yield Ending(name, certificate_end(path), LATE, _OWN)


def _of_the_broker(case: Case) -> Iterator[Ending]:
    """What it shows; nothing where it cannot be reached, which another check tells."""
    parts = urlsplit(case.settings.mqtt_url)
    try:
        tls = case.settings.mqtt_tls("doctor")
        if tls is None or parts.hostname is None:
            return
        address = parts.hostname, parts.port or 8883
        with (
            socket.create_connection(address, PATIENCE_S) as plain,
            tls.context().wrap_socket(plain, server_hostname=parts.hostname) as safe,
        ):
            der = safe.getpeercert(binary_form=True)
    except (OSError, SettingError):
        return
    if der is not None:
        ends = x509.load_der_x509_certificate(der).not_valid_after_utc
        yield Ending("of the broker", ends, LATE, _OF_THE_BROKER)


def _judged(ending: Ending, now: datetime) -> Finding:
    name, when = f"expiry {ending.name.replace('_', ' ')}", f"{ending.ends:%Y-%m-%d %H:%M} UTC"
    if ending.is_over(now):
        return fail(name, f"over since {when}", ending.do)
    days = f"{(ending.ends - now).days} days left, until {when}"
    return warn(name, days, ending.do) if ending.is_late(now) else ok(name, days)
