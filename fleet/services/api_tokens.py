"""Tokens for programs: shown once, stored hashed, with scopes and an end."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select

from fleet.domain.access import Role, Scope
from fleet.services import audit
from fleet.services.errors import Invalid, NotFound
from fleet.services.places_of_roles import EVERYTHING, holds, role_named
from fleet.services.secrets import new_token, token_hash
from fleet.store.database import db, transaction
from fleet.store.people import ApiToken

SCOPES = tuple(Scope)
PREFIX = "wf_"
"""So that a leaked token is recognised for what it is."""


def create_api_token(
    name: str,
    scopes: Collection[str],
    expires_at: datetime | None,
    actor: str,
    now: datetime,
    role: str = Role.ADMINISTRATOR,
    where: str = EVERYTHING,
) -> str:
    """Returns the token, which nobody can see again. Raises Invalid."""
    problems = {}
    if not 1 <= len(name.strip()) <= 64:
        problems["name"] = "1 to 64 characters"
    if not scopes or not set(scopes) <= set(SCOPES):
        problems["scopes"] = f"one or more of {', '.join(SCOPES)}"
    if expires_at is not None and expires_at <= now:
        problems["expires_at"] = "must be in the future"
    if problems:
        raise Invalid(problems)
    token = PREFIX + new_token()
    wanted = role_named(role)
    with transaction() as session:
        site_id, ward_id = holds(session, where)
        row = ApiToken(
            name=name.strip(),
            token_hash=token_hash(token),
            scopes=sorted(scopes),
            role=wanted,
            site_id=site_id,
            ward_id=ward_id,
            created_at=now,
            created_by=actor,
            expires_at=expires_at,
        )
        session.add(row)
        session.flush()
        after = {"name": row.name, "scopes": row.scopes, "role": role, "where": where}
        audit.record(session, actor, "token.create", f"token/{row.id}", now, after=after)
    return token


def revoke_api_token(token_id: int, actor: str, now: datetime) -> None:
    with transaction() as session:
        row = session.get(ApiToken, token_id)
        if row is None:
            raise NotFound(f"no token {token_id}")
        row.revoked_at = row.revoked_at or now
        audit.record(session, actor, "token.revoke", f"token/{token_id}", now)


def valid_token(token: str, now: datetime) -> ApiToken | None:
    row = db.session.scalar(select(ApiToken).where(ApiToken.token_hash == token_hash(token)))
    if row is None or row.revoked_at is not None:
        return None
    return row if row.expires_at is None or row.expires_at > now else None
