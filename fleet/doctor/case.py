"""What the checks look at: the settings, and one connection to the database."""

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import create_engine, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from fleet.config import Settings
from fleet.store.database import engine_options, in_words, prepare_engine


class DatabaseAway(Exception):
    """Why there is no database to look at."""


class Case:
    """Looks and touches nothing: what is not there is not made."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.now = datetime.now(UTC)
        self._session: Session | None = None
        self._away: DatabaseAway | None = None

    @property
    def is_postgres(self) -> bool:
        return make_url(self.settings.database_url).get_backend_name() == "postgresql"

    @property
    def session(self) -> Session:
        """Raises DatabaseAway; one that is away is waited for but once."""
        if self._away is not None:
            raise self._away
        if self._session is None:
            try:
                self._session = _connected(self.settings.database_url)
            except DatabaseAway as away:
                self._away = away
                raise
        return self._session

    def begin_again(self) -> None:
        """After a statement that failed: PostgreSQL takes no other in the same transaction."""
        self.session.rollback()

    def __enter__(self) -> "Case":
        return self

    def __exit__(self, *_error: object) -> None:
        if self._session is not None:
            self._session.close()
            self._session.get_bind().engine.dispose()


def _connected(url: str) -> Session:
    file = make_url(url).database
    if url.startswith("sqlite") and file and not Path(file).is_file():
        raise DatabaseAway(f"there is no file {file}")  # to connect would make one
    engine = create_engine(url, **engine_options(url))
    prepare_engine(engine)
    session = Session(engine)
    try:
        session.connection()
    except SQLAlchemyError as error:
        engine.dispose()
        raise DatabaseAway(in_words(error)) from error
    return session
