"""Filters of lists that somebody keeps under a name, for themselves."""

from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from fleet.services import audit
from fleet.services.errors import Invalid, NotFound
from fleet.store.database import transaction
from fleet.store.people import User
from fleet.store.task import SavedFilter

MOST = 50
LONGEST_NAME, LONGEST_QUERY = 64, 1024


def save_filter(username: str, page: str, name: str, query: str, actor: str, now: datetime) -> None:
    """Under a name that is taken it takes the other's place. Raises Invalid.

    `query`: as it stands in the address, without the question mark.
    """
    name = name.strip()
    problems = {}
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        problems["name"] = f"1 to {LONGEST_NAME} printable characters"
    if len(query) > LONGEST_QUERY:
        problems["filter"] = f"at most {LONGEST_QUERY} characters"
    if problems:
        raise Invalid(problems)
    with transaction() as session:
        user_id = _user(session, username)
        mine = SavedFilter.user_id == user_id
        kept = session.scalar(
            select(SavedFilter).where(mine, SavedFilter.page == page, SavedFilter.name == name)
        )
        count = session.scalar(select(func.count()).select_from(SavedFilter).where(mine)) or 0
        if kept is None and count >= MOST:
            raise Invalid({"name": f"at most {MOST} filters: remove one first"})
        before = {"query": kept.query} if kept else None
        if kept is None:
            kept = SavedFilter(user_id=user_id, page=page, name=name, created_at=now)
            session.add(kept)
        kept.query = query
        after = {"name": name, "query": query}
        audit.record(session, actor, "filter.save", f"filter/{page}", now, before, after)


def forget_filter(filter_id: int, username: str, actor: str, now: datetime) -> str:
    """One of their own; returns its page. Raises NotFound, also for somebody else's."""
    with transaction() as session:
        kept = session.get(SavedFilter, filter_id)
        if kept is None or kept.user_id != _user(session, username):
            raise NotFound("no such filter")
        page, before = kept.page, {"name": kept.name, "query": kept.query}
        session.execute(delete(SavedFilter).where(SavedFilter.id == filter_id))
        audit.record(session, actor, "filter.remove", f"filter/{page}", now, before)
        return page


def _user(session: Session, username: str) -> int:
    user_id = session.scalar(select(User.id).where(User.username == username))
    if user_id is None:
        raise NotFound(f"no user {username}")
    return user_id
