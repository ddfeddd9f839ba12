"""What the lists of devices and of packs share: searching by beginnings of words, quickly.

Both stay fast at 100,000 rows: the rarest of the asked-for conditions is fetched first through its
own index; only where all of them are common is the list walked in its order, which then soon
fills a page.
"""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, CompoundSelect, Select, SQLColumnExpression, and_, select

from fleet.store.database import db
from fleet.store.models import SearchToken

RARE = 2_000
"""Up to so many candidates are fetched by their keys and sorted."""
MOST_WORDS = 5

Keys = Select[int] | CompoundSelect[int]


def words_of(search: str) -> list[str]:
    """Each must begin some word of what is found; marks at a word's end mean nothing."""
    trimmed = (word.strip("-._/ ")[:64] for word in search.lower().split()[:MOST_WORDS])
    return [word for word in trimmed if word]


def begins(text: SQLColumnExpression[str], word: str) -> ColumnElement[bool]:
    """The range is what an index serves in any collation."""
    return and_(text.between(word, word + "z" * 64), text.startswith(word, autoescape=True))


def devices_having(word: str) -> Select[int]:
    """Devices with a word that begins so."""
    return select(SearchToken.device_pk).where(begins(SearchToken.token, word))


def rarest(candidates: Iterable[Keys]) -> list[int] | None:
    """The shortest list of keys; None where each is longer than RARE."""
    lists = [list(db.session.scalars(query.limit(RARE + 1))) for query in candidates]
    return min((keys for keys in lists if len(keys) <= RARE), key=len, default=None)
