"""Who stands behind an actor: a token is the person who made it, also when it approves."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.store.people import ApiToken

MOST_STEPS = 10


def person(session: Session, actor: str) -> str:
    """The actor itself where nobody stands behind it."""
    for _ in range(MOST_STEPS):  # a token may have made a token
        kind, _, key = actor.partition("/")
        if kind != "token" or not key.isdigit():
            return actor
        maker = session.scalar(select(ApiToken.created_by).where(ApiToken.id == int(key)))
        if maker is None:
            return actor
        actor = maker
    return actor
