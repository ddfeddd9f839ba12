"""While trust is switched on, devices refuse a profile that no release key has signed: nobody is
told to follow one."""

from datetime import datetime

from sqlalchemy.orm import Session

from fleet.services.errors import Conflict
from fleet.services.trust import trust_in_force
from fleet.store.profile import ProfileVersion
from fleet.trust.envelope import read_envelope
from fleet.trust.refusal import Refused


def must_be_signed(session: Session, version: ProfileVersion, now: datetime) -> None:
    """Raises Conflict, which says what is to be done, where devices would refuse it now: also for a
    signature that has expired, or whose key the trust document does not name any more.
    """
    trust = trust_in_force(session)
    if trust is None:
        return
    problem = "is not signed"
    if version.manifest is not None:
        try:
            trust.manifest(read_envelope(version.manifest), now)
        except Refused as refusal:
            problem = f"would be refused ({refusal})"
        else:
            return
    name = f"{version.profile.slug} {version.number}"
    raise Conflict(
        f"version {version.number} of {version.profile.slug} {problem}, and devices follow only "
        f"what a release key has signed: `fleet profile manifest {name} FILE`, `fleet keys sign "
        f"FILE` where the release key is, `fleet profile sign {name} FILE`"
    )
