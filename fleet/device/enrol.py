"""Enrolment and renewal of this device, as often as it takes."""

import json
import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from threading import Event

from fleet.device import est
from fleet.device.credentials import Credentials
from fleet.wire.files import write

log = logging.getLogger(__name__)

RENEW_CHECK_S = 3_600.0
"""How often a device looks whether two thirds are over: it has a month left to succeed."""


def enrol(
    invitation: est.Invitation, folder: Path, stop: Event, tell: Callable[[str], None]
) -> bool:
    """Ask until the certificate is there. False where `stop` was set before.

    Raises ValueError with the server's words where it refuses, OSError where nobody answers.
    """
    folder.mkdir(parents=True, exist_ok=True)
    credentials = Credentials(folder, invitation.device_id)
    trusted = est.authority(invitation)
    while isinstance(answer := est.enrol(invitation, trusted, credentials.request()), est.Waits):
        tell(f"waits for approval; asking again in {answer.seconds} s")
        if stop.wait(answer.seconds):
            return False
    document = est.trust_document(invitation, trusted)
    credentials.keep(answer, trusted)
    if document is not None:
        write(trust_path(folder, invitation.device_id), document)
    write(_memory(folder, invitation.device_id), json.dumps({"url": invitation.url}).encode())
    return True


def renew_if_due(folder: Path, device_id: str, now: datetime) -> bool:
    """Whether it has a new certificate. Raises ValueError or OSError as `enrol` does."""
    credentials, memory = Credentials(folder, device_id), _memory(folder, device_id)
    tls = credentials.tls()
    if tls is None or tls.cert is None or not memory.exists() or not credentials.is_due(now):
        return False
    url = json.loads(memory.read_bytes())["url"]
    chain = est.renew(url, tls.ca, tls.cert, credentials.request())
    credentials.keep(chain, tls.ca.read_bytes())
    log.info("%s has a new certificate, until %s", device_id, chain[0].not_valid_after_utc)
    return True


def keep_renewed(folder: Path, device_id: str, stop: Event, clock: Callable[[], datetime]) -> None:
    """Until `stop`; a server that is away is asked again at the next look."""
    while True:
        try:
            renew_if_due(folder, device_id, clock())
        except (ValueError, OSError) as error:
            log.warning("%s: no new certificate yet: %s", device_id, error)
        if stop.wait(RENEW_CHECK_S):
            return


def trust_path(folder: Path, device_id: str) -> Path:
    """The trust document that came with the enrolment."""
    return folder / f"{device_id}.trust.json"


def _memory(folder: Path, device_id: str) -> Path:
    return folder / f"{device_id}.enrolment.json"
