"""A backup knows nothing of what was revoked after it; the revocation list does.

The newest list stands in the data directory, and `schedule` keeps a copy of it beside the backups,
for the day when the disk is gone. It is signed: a list of another authority, or one that somebody
has changed, is passed over.
"""

from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from fleet.pki.authority import Revoked
from fleet.pki.folder import Folder
from fleet.wire.files import write

BESIDE_BACKUPS = "revocations.pem"


def newest_list(ca: Path, found: Iterable[Path]) -> x509.CertificateRevocationList | None:
    """Of this authority. It has all that the earlier ones have, but for what has expired."""
    if not ca.is_file():
        return None
    [authority, *_] = x509.load_pem_x509_certificates(ca.read_bytes())
    lists = [it for path in found if (it := _read(path, authority)) is not None]
    return max(lists, key=lambda it: it.last_update_utc, default=None)


def entries(crl: x509.CertificateRevocationList | None) -> list[Revoked]:
    return [Revoked(entry.serial_number, entry.revocation_date_utc) for entry in crl or ()]


def put_in_place(pki: Folder, crl: x509.CertificateRevocationList) -> None:
    """The one that is served is made anew from it at the next start (`Folder.make`)."""
    write(pki.crl, crl.public_bytes(Encoding.PEM))
    pki.served_crl.unlink(missing_ok=True)


def _read(path: Path, authority: x509.Certificate) -> x509.CertificateRevocationList | None:
    try:
        crl = x509.load_pem_x509_crl(path.read_bytes())
        is_signed = crl.is_signature_valid(authority.public_key())  # type: ignore[arg-type]
    except (OSError, ValueError, TypeError):
        return None
    return crl if is_signed and crl.issuer == authority.subject else None
