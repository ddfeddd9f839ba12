"""Statements that SQLAlchemy has for each database apart, and that both understand alike."""

from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase, Session


def insert_or_ignore(session: Session, model: type[DeclarativeBase]) -> Any:
    """INSERT that passes over what a unique key has already: what came twice is there once."""
    return insert_for(session, model).on_conflict_do_nothing()


def insert_for(session: Session, model: type[DeclarativeBase]) -> Any:
    """The INSERT of the session's own database, which knows ON CONFLICT."""
    connection: Connection = session.connection()
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(model.__table__)
