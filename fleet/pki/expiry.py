"""When what the authority has signed for the service ends, and when that is late."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509

from fleet.pki.authority import CRL_DAYS
from fleet.pki.folder import SERVICES, AuthorityError, Folder

LATE = timedelta(days=21)
"""What renews itself does so a month before: nine days of trying have come to nothing."""
LIST_LATE = timedelta(days=CRL_DAYS - 2)
"""A revocation list is written every day."""
AUTHORITY_LATE = timedelta(days=180)
"""Every device must enrol anew with its successor: that takes planning."""

AUTHORITY, REVOCATIONS = "authority", "revocation_list"
_BY_SCHEDULE = "See that `schedule` runs on this machine, and its log: it renews this by itself."
_BY_PEOPLE = (
    "Make its successor: every device must enrol anew with it (docs/enrolment.md, The authority)."
)


@dataclass(frozen=True, slots=True)
class Ending:
    """`late`: from so long before its end, somebody must `do` something."""

    name: str
    ends: datetime
    late: timedelta
    do: str

    def is_late(self, now: datetime) -> bool:
        return now >= self.ends - self.late

    def is_over(self, now: datetime) -> bool:
        return now >= self.ends


def endings(folder: Folder) -> list[Ending]:
    """Of whatever is there. Raises AuthorityError, naming a file that cannot be read."""
    found = []
    if folder.ca.is_file():
        found.append(Ending(AUTHORITY, certificate_end(folder.ca), AUTHORITY_LATE, _BY_PEOPLE))
    for name in ("server", *SERVICES):
        path = folder.files(name).cert
        if path is not None and path.is_file():
            found.append(Ending(name, certificate_end(path), LATE, _BY_SCHEDULE))
    if (ends := _list_end(folder)) is not None:
        found.append(Ending(REVOCATIONS, ends, LIST_LATE, _BY_SCHEDULE))
    return found


def certificate_end(path: Path) -> datetime:
    """Of a chain, where the first of it ends. Raises AuthorityError."""
    try:
        chain = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        raise AuthorityError(f"{path}: {error}") from error
    return min(each.not_valid_after_utc for each in chain)


def _list_end(folder: Folder) -> datetime | None:
    try:
        crl = folder.read_crl()
    except (OSError, ValueError) as error:
        raise AuthorityError(f"{folder.crl}: {error}") from error
    return crl.next_update_utc if crl is not None else None
