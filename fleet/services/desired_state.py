"""Desired state: the profile version that each device should have, and the word to the device."""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from fleet.domain.assignment import Claim, Place, most_specific, with_pin
from fleet.domain.words import Lifecycle, Scope
from fleet.services import alerts, outbox
from fleet.services.compliance import GOVERNED, Due, judge_again
from fleet.services.directing import direct
from fleet.services.errors import Conflict
from fleet.store.configuration import Configuration
from fleet.store.device import Device
from fleet.store.driver import among
from fleet.store.locks import Lock, take
from fleet.store.profile import Assignment, Profile, ProfileVersion
from fleet.store.rollout import ProfilePin
from fleet.store.site import Site, Ward
from fleet.trust.envelope import payload_digest, read_envelope
from fleet.wire.digest import document_sha256
from fleet.wire.messages import PROTOCOL_VERSION, Desired, DesiredDocument, ProfileName, RequiredApp

log = logging.getLogger(__name__)

BELIEVABLE_LEAD = 1_000_000_000
"""A device may be ahead of a restored service, by a thousand restores (`services.recovered`); one
that is further ahead counts nonsense."""


def desired_document(document: dict[str, Any]) -> DesiredDocument:
    """The part of a profile's document that devices apply."""
    return DesiredDocument(
        settings=document.get("settings", {}),
        apps=[RequiredApp(**app) for app in document.get("apps", {}).get("required", [])],
        reporting_interval_s=document["reporting"]["interval_s"],
        firmware_minimum=document.get("firmware", {}).get("minimum"),
    )


def refresh(session: Session, now: datetime, device_pks: Sequence[int] | None = None) -> int:
    """Give every device (or these) the generation that its assignments and rollouts ask for.

    Returns how many got a new one; those whose profile version has not changed are left alone.
    """
    take(session, Lock.ASSIGNMENTS)
    wanted = _wanted(session, device_pks)
    changed = []
    for configuration, device_id in _held(session, list(wanted)):
        configuration.profile_version_id = wanted[configuration.device_pk]
        changed.append((configuration, device_id))
    next_generations(session, changed, now)
    return len(changed)


def _wanted(session: Session, device_pks: Sequence[int] | None) -> dict[int, int | None]:
    """By device, of those that have another one: the profile version that it should have."""
    claims = claims_of(session)
    pins = _pins(session, device_pks)
    found = {}
    for pk, has, place in _devices(session, device_pks):
        pin = pins.get(pk)
        claim = most_specific(with_pin(claims, *pin) if pin else claims, place)
        wanted = claim.profile_version_id if claim else None
        if wanted != has:
            found[pk] = wanted
    return found


def next_generations(
    session: Session, devices: Sequence[tuple[Configuration, str]], now: datetime
) -> None:
    """`next_generation` for many, in a few statements."""
    wanted = {configuration.profile_version_id for configuration, _ in devices} - {None}
    versions = select(ProfileVersion).options(joinedload(ProfileVersion.profile))
    # Held here: a session forgets what nobody holds, and each device would load its own again.
    held = session.scalars(versions.where(ProfileVersion.id.in_(wanted))).all()
    due: Due = {}
    for configuration, device_id in devices:
        next_generation(session, configuration, device_id, now, due)
    del held
    for some in alerts.in_parts(due):
        alerts.reconcile(session, some, GOVERNED, now)


def next_generation(
    session: Session,
    configuration: Configuration,
    device_id: str,
    now: datetime,
    due: Due | None = None,
) -> None:
    """A new generation of the configuration's profile version, and the word to the device.

    `due`: as for `judge_again`.
    """
    version = _version(session, configuration)
    reported = configuration.reported_generation or 0
    believable = reported - configuration.generation < BELIEVABLE_LEAD
    configuration.generation = max(configuration.generation, reported if believable else 0) + 1
    configuration.desired_at = now
    configuration.desired_sha256 = version.sha256 if version else None
    send(session, configuration, device_id, now)
    judge_again(session, configuration, now, due)


def send(session: Session, configuration: Configuration, device_id: str, now: datetime) -> None:
    """Say the present generation (again)."""
    version = _version(session, configuration)
    if version is None:
        outbox.leave(session, device_id, "desired", None, now, retain=True)
        return
    document = desired_document(version.document)
    message = Desired(
        v=PROTOCOL_VERSION,
        generation=configuration.generation,
        sha256=document_sha256(document),
        profile=ProfileName(version.profile.slug, version.number),
        document=document,
    )
    if version.manifest is not None:
        _sign(message, version.manifest, device_id, now)
    outbox.leave(session, device_id, "desired", message, now, retain=True)


def _sign(message: Desired, manifest: bytes, device_id: str, now: datetime) -> None:
    """Without the online key it goes out undirected: devices refuse it, and keep what they have."""
    message.manifest = read_envelope(manifest)
    digest = payload_digest(message.manifest)
    try:
        message.direction = direct(device_id, digest, message.generation, now)
    except Conflict as problem:
        log.error("%s cannot be directed: %s", device_id, problem)  # noqa: TRY400


def _version(session: Session, configuration: Configuration) -> ProfileVersion | None:
    if configuration.profile_version_id is None:
        return None
    return session.get_one(ProfileVersion, configuration.profile_version_id)


def claims_of(session: Session) -> list[Claim]:
    """What is assigned, wherever it is."""
    rows = session.execute(
        select(
            Assignment.profile_version_id,
            Assignment.scope,
            Assignment.scope_key,
            Profile.kinds,
            Profile.id,
        ).join(Profile, Profile.id == Assignment.profile_id)
    )
    return [Claim(v, Scope(scope), key, frozenset(kinds), pk) for v, scope, key, kinds, pk in rows]


def _pins(
    session: Session, device_pks: Sequence[int] | None
) -> dict[int, tuple[Claim, int | None]]:
    """By device: what a rollout has told it, and of which assignment that is a version."""
    query = select(ProfilePin, Profile.kinds).join(Profile, Profile.id == ProfilePin.profile_id)
    if device_pks is not None:
        query = query.where(among(session, ProfilePin.device_pk, device_pks))
    return {
        pin.device_pk: (
            Claim(0, Scope(pin.scope), pin.scope_key, frozenset(kinds), pin.profile_id),
            pin.profile_version_id,
        )
        for pin, kinds in session.execute(query)
    }


def _devices(
    session: Session, device_pks: Sequence[int] | None
) -> Iterator[tuple[int, int | None, Place]]:
    query = (
        select(
            Device.id,
            Configuration.profile_version_id,
            Device.device_id,
            Device.kind,
            Ward.slug,
            Site.slug,
        )
        .join(Configuration, Configuration.device_pk == Device.id)
        .join(Ward, Ward.id == Device.ward_id)
        .join(Site, Site.id == Ward.site_id)
        .where(Device.lifecycle == Lifecycle.ENROLLED)
        .order_by(Device.id)
    )
    if device_pks is not None:
        query = query.where(among(session, Device.id, device_pks))
    for pk, has, device_id, kind, ward, site in session.execute(query).all():
        yield pk, has, Place(device_id, kind, ward, site)


def _held(session: Session, device_pks: Sequence[int]) -> Sequence[tuple[Configuration, str]]:
    """Most devices have what they should: only those that have not are loaded, and locked."""
    if not device_pks:
        return []
    query = (
        select(Configuration, Device.device_id)
        .join(Device, Device.id == Configuration.device_pk)
        .where(among(session, Device.id, device_pks), Device.lifecycle == Lifecycle.ENROLLED)
        .order_by(Device.id)
        .with_for_update(of=Configuration)
    )
    return [(configuration, name) for configuration, name in session.execute(query)]
