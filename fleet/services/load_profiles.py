"""Profile files become immutable versions: a changed file a new one, an unchanged file none."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.services import audit
from fleet.services.desired_state import desired_document
from fleet.services.errors import Conflict
from fleet.services.profile_files import read_profiles
from fleet.store.database import transaction
from fleet.store.profile import Assignment, Profile, ProfileVersion
from fleet.wire.digest import document_sha256


@dataclass(frozen=True, slots=True)
class Loaded:
    slug: str
    number: int
    is_new: bool


def load_profiles(paths: list[Path], actor: str, now: datetime) -> list[Loaded]:
    """All of the files or none. Raises ProfileFileError."""
    documents = read_profiles(paths)
    with transaction() as session:
        return [_load(session, document, actor, now) for document in documents]


def load_profile(document: dict[str, Any], actor: str, now: datetime) -> Loaded:
    """One document that `ProfileSchema` has loaded."""
    with transaction() as session:
        return _load(session, document, actor, now)


def _load(session: Session, document: dict[str, Any], actor: str, now: datetime) -> Loaded:
    profile = session.scalar(select(Profile).where(Profile.slug == document["profile"]))
    if profile is None:
        profile = Profile(slug=document["profile"], title="", kinds=[], versions=[])
        session.add(profile)
    digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
    for version in profile.versions:
        if version.document_sha256 == digest:
            return Loaded(profile.slug, version.number, is_new=False)
    _take_over(session, profile, document)
    number = max((version.number for version in profile.versions), default=0) + 1
    profile.versions.append(
        ProfileVersion(
            number=number,
            document=document,
            document_sha256=digest,
            sha256=document_sha256(desired_document(document)),
            created_at=now,
            created_by=actor,
        )
    )
    subject = f"profile/{profile.slug}/{number}"
    audit.record(session, actor, "profile.load", subject, now, after={"sha256": digest})
    return Loaded(profile.slug, number, is_new=True)


def _take_over(session: Session, profile: Profile, document: dict[str, Any]) -> None:
    """Title and kinds follow the newest version. Raises Conflict where that would unassign it."""
    gone = set(profile.kinds) - set(document["kinds"])
    assigned = select(Assignment.id).where(Assignment.profile_id == profile.id).limit(1)
    if gone and session.scalar(assigned) is not None:
        raise Conflict(
            f"{profile.slug} is assigned for {', '.join(sorted(gone))}, which this version is not "
            "for; remove the assignment first, or give the profile another name"
        )
    profile.title, profile.kinds = document["title"], document["kinds"]
