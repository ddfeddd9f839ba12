"""What was revoked is told to the broker, and its open sessions are ended."""

import logging
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from fleet.config import Settings
from fleet.dispatch.publisher import end_session
from fleet.jobs import metrics
from fleet.pki.authority import LEAF_DAYS, Authority, Revoked
from fleet.pki.expiry import endings
from fleet.pki.folder import Folder
from fleet.recovery.revocations import BESIDE_BACKUPS, entries
from fleet.services.revocations import Live, note_ended, remember, revoked, to_end
from fleet.wire.files import PRIVATE, write
from fleet.wire.requests import key_pem, new_key
from fleet.wire.tls import TlsFiles

log = logging.getLogger(__name__)

ACTOR = "schedule"
ANEW_AFTER = timedelta(days=1)
PATIENCE_S = 5.0


def publish_revocations(settings: Settings, now: datetime) -> None:
    """A new list where somebody was revoked, and once a day; then sessions are ended.

    A broker without TLS knows no certificates; where this machine has no authority, another has.
    """
    tls = settings.mqtt_tls("schedule")
    if tls is None or not settings.pki.crl.exists():
        return
    measure_expiry(settings.pki)
    authority = settings.pki.authority()
    remember(entries(settings.pki.read_crl()), ACTOR, now)
    write_list(settings.pki, authority, revoked(now), now)
    _keep_beside_backups(settings)
    end_sessions(settings.mqtt_url, tls.ca, authority, now)


def measure_expiry(pki: Folder) -> None:
    for ending in endings(pki):
        metrics.EXPIRY.labels(ending.name).set(ending.ends.timestamp())


def _keep_beside_backups(settings: Settings) -> None:
    """For a restore on another machine: a backup knows nothing of what was revoked after it."""
    copy, present = settings.backup_dir / BESIDE_BACKUPS, settings.pki.crl.read_bytes()
    try:
        if settings.backup_dir.is_dir() and not (copy.exists() and copy.read_bytes() == present):
            write(copy, present)
    except OSError as error:
        log.warning("%s: %s", copy, error.strerror)


def keep_certificates(settings: Settings, now: datetime) -> None:
    """Of the broker, the enrolment server and the services."""
    if settings.pki.crl.exists():
        settings.pki.renew(settings.pki.authority(), settings.server_names(), now)


def write_list(pki: Folder, authority: Authority, wanted: list[Revoked], now: datetime) -> None:
    """What stands in the present list stays there until it has expired by any count: a database
    that was restored has forgotten it.
    """
    present = pki.read_crl()
    entries = {entry.serial: entry for entry in wanted}
    forgotten = now - timedelta(days=LEAF_DAYS)
    known = set()
    for entry in present or ():
        known.add(entry.serial_number)
        if entry.revocation_date_utc > forgotten:
            at = entry.revocation_date_utc
            entries.setdefault(entry.serial_number, Revoked(entry.serial_number, at))
    is_old = present is None or present.last_update_utc < now - ANEW_AFTER
    if is_old or not entries.keys() <= known:
        pki.write_crl(authority, entries.values(), now)


def end_sessions(url: str, trusted: Path, authority: Authority, now: datetime) -> None:
    ended = []
    for live in to_end(now):
        try:
            _end(url, trusted, authority, live, now)
        except OSError as error:
            log.warning("%s: its session cannot be ended yet: %s", live.device_id, error)
        else:
            ended.append(live)
    note_ended(ended, now)


def _end(url: str, trusted: Path, authority: Authority, live: Live, now: datetime) -> None:
    """With a certificate of the same name, made for this moment and thrown away."""
    key = new_key()
    signed = authority.sign_client(key.public_key(), live.device_id, now)
    with tempfile.TemporaryDirectory() as folder:
        pair = Path(folder) / "pair.pem"
        write(pair, signed.public_bytes(Encoding.PEM) + key_pem(key), PRIVATE)
        end_session(url, live.device_id, TlsFiles(trusted, pair, pair), PATIENCE_S)
