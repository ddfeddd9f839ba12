"""The passkeys of a person."""

from collections.abc import Sequence

from sqlalchemy import exists, select

from fleet.store.database import db
from fleet.store.models import Passkey, User


def has_passkey(user_id: int) -> bool:
    return db.session.scalar(select(exists().where(Passkey.user_id == user_id))) or False


def passkeys_of(username: str) -> Sequence[Passkey]:
    """The oldest first."""
    own = select(Passkey).join(User, User.id == Passkey.user_id).where(User.username == username)
    return db.session.scalars(own.order_by(Passkey.id)).all()
