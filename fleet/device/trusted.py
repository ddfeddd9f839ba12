"""Whom the device trusts, and what it has seen: kept on its disk, and never unlearned.

Without a trust document everything is as it was before there were signatures. The first one is put
in place by hand or by the enrolment; those that follow come over the network, signed by the former.
"""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from fleet.device.disk import Disk, put
from fleet.device.slots import load
from fleet.trust.documents import Lasting, Manifest, TrustDocument
from fleet.trust.refusal import Reason, Refused
from fleet.trust.verify import Trust, check_counter, check_directed, check_fits, read_document
from fleet.wire.envelope import Envelope
from fleet.wire.firmware import Offer
from fleet.wire.messages import Desired, encode

log = logging.getLogger(__name__)

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class Carried(Struct):
    """A direction that was carried out to its end; forgotten once it is over anyway."""

    nonce: str
    expires_at: datetime


class Seen(Struct, omit_defaults=True):
    """`latest`: the newest moment that a trusted document was issued at."""

    trust: Envelope | None = None
    release_counter: int = 0
    latest: datetime = _NEVER
    carried_out: list[Carried] = []


class Trusted:
    """The file `trusted` in `folder`. Every check raises Refused."""

    def __init__(self, disk: Disk, folder: Path) -> None:
        self._disk, self._path = disk, folder / "trusted"
        self._seen = load(disk, self._path, Seen) or Seen()
        self._trust = Trust.anchored(self._seen.trust) if self._seen.trust else None

    @property
    def is_on(self) -> bool:
        return self._trust is not None

    @property
    def version(self) -> int:
        return self._trust.document.version if self._trust else 0

    @property
    def release_counter(self) -> int:
        """The highest that was seen."""
        return self._seen.release_counter

    def moment(self, clock: datetime) -> datetime:
        """A clock that stands before what was signed already is wrong by at least that."""
        return max(clock, self._seen.latest)

    def anchor(self, envelope: Envelope) -> None:
        """By hand, and once."""
        if self._trust is not None:
            raise Refused(Reason.OLDER_THAN_SEEN, "there is a trust document already")
        self._adopt(Trust.anchored(envelope), envelope)

    def follow(self, chain: Sequence[Envelope]) -> bool:
        """Go on to the newest of the chain, link by link. False where there was nothing new."""
        if self._trust is None:
            return False
        before = self.version
        for envelope in chain:
            said = read_document(envelope)
            if isinstance(said, TrustDocument) and said.version > self.version:
                self._adopt(self._trust.followed_by(envelope), envelope)
        return self.version > before

    def firmware(
        self, offer: Offer, device_id: str, hardware_id: str | None, clock: datetime
    ) -> Manifest:
        """The manifest of an offer that is to be followed; its counter is remembered."""
        trust, now = self._in_force(), self.moment(clock)
        manifest = trust.manifest(offer.manifest, now)
        if manifest.type != "firmware" or manifest.artifact is None:
            raise Refused(Reason.WRONG_MANIFEST, f"a manifest of a {manifest.type}")
        direction = trust.direction(offer.direction, now)
        check_directed(direction, device_id, offer.manifest)
        if any(carried.nonce == direction.nonce for carried in self._seen.carried_out):
            raise Refused(Reason.CARRIED_OUT, "this direction was carried out already")
        check_fits(manifest, hardware_id)
        leave = trust.downgrade(offer.downgrade, now) if offer.downgrade else None
        check_counter(manifest, offer.manifest, self.release_counter, leave)
        self._remember(max(self.release_counter, manifest.release_counter), manifest, direction)
        return manifest

    def carried_out(self, offer: Offer, clock: datetime) -> None:
        """An offer has come to its end: its direction is not followed a second time."""
        now = self.moment(clock)
        try:
            direction = self._in_force().direction(offer.direction, now)
        except Refused:  # over, or of keys that are no longer in force: not followed anyway
            return
        kept = [
            carried
            for carried in self._seen.carried_out
            if carried.expires_at > now and carried.nonce != direction.nonce
        ]
        self._seen.carried_out = [*kept, Carried(direction.nonce, direction.expires_at)]
        self._save()

    def installed(self, release_counter: int) -> None:
        """A release is confirmed; by the root's leave its counter may be lower than one seen."""
        self._seen.release_counter = release_counter
        self._save()

    def profile(self, desired: Desired, device_id: str, clock: datetime) -> None:
        """Returns where the desired state may be applied: signed, for this device, in its order."""
        trust, now = self._in_force(), self.moment(clock)
        if desired.manifest is None or desired.direction is None:
            raise Refused(Reason.UNSIGNED, f"generation {desired.generation} is not signed")
        manifest = trust.manifest(desired.manifest, now)
        direction = trust.direction(desired.direction, now)
        check_directed(direction, device_id, desired.manifest, desired.generation)
        if manifest.type != "profile" or manifest.document_sha256 != desired.sha256:
            raise Refused(Reason.WRONG_MANIFEST, "the manifest is about another profile")
        self._remember(self.release_counter, manifest, direction)

    def _in_force(self) -> Trust:
        if self._trust is None:
            raise Refused(Reason.UNSIGNED, "there is no trust document on this device")
        return self._trust

    def _adopt(self, trust: Trust, envelope: Envelope) -> None:
        self._trust = trust
        self._seen.trust = envelope
        self._remember(self.release_counter, trust.document)
        log.info("trust document %d is in force", self.version)

    def _remember(self, release_counter: int, *documents: Lasting) -> None:
        self._seen.release_counter = release_counter
        self._seen.latest = max(self._seen.latest, *(each.issued_at for each in documents))
        self._save()

    def _save(self) -> None:
        put(self._disk, self._path, encode(self._seen))
