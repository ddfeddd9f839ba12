"""What the service signs by itself: which device is to follow which manifest."""

from datetime import datetime

from flask import current_app

from fleet.services.errors import Conflict
from fleet.signing.keys import KeyFileError
from fleet.signing.online import Direct, online_key
from fleet.trust.envelope import payload_digest, read_envelope
from fleet.wire.envelope import Envelope
from fleet.wire.firmware import Offer
from fleet.wire.messages import PROTOCOL_VERSION

_EXTENSION = "wardfleet_online_key"


def direct(device_id: str, manifest_sha256: str, generation: int | None, now: datetime) -> Envelope:
    """A direction by the online key of this installation, read once. Raises Conflict without one.

    `generation`: of the desired state, where it is about a profile.
    """
    return _key()(device_id, manifest_sha256, generation, now)


def obstacle_to_directing() -> str | None:
    """Why nothing can be directed now."""
    try:
        _key()
    except Conflict as problem:
        return str(problem)
    return None


def _key() -> Direct:
    extensions = current_app.extensions
    if _EXTENSION not in extensions:
        try:
            extensions[_EXTENSION] = online_key(current_app.config["FLEET"].data_dir)
        except KeyFileError as error:
            raise Conflict(f"the online key cannot be used: {error}") from error
    key: Direct = extensions[_EXTENSION]
    return key


def offer_of(
    manifest: bytes, downgrade: bytes | None, device_id: str, job_id: str, now: datetime
) -> Offer:
    """What a release (`FirmwareRelease.envelope`, `.downgrade`) is to one device of a rollout.

    It goes to the outbox, retained, on the channel `job`.
    """
    envelope = read_envelope(manifest)
    return Offer(
        v=PROTOCOL_VERSION,
        job_id=job_id,
        manifest=envelope,
        direction=direct(device_id, payload_digest(envelope), None, now),
        downgrade=read_envelope(downgrade) if downgrade else None,
    )
