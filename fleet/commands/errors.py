"""What can go wrong in a command, told to a person in one line."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from sqlalchemy.exc import OperationalError

from fleet.config import SettingError
from fleet.services.errors import ServiceError


def one_clear_line(command: Callable[..., Any]) -> Callable[..., Any]:
    """What a person can put right is told in a line, not in a stack trace."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except (SettingError, ServiceError) as error:
            raise SystemExit(f"fleet: {error}") from error
        except OperationalError as error:
            raise SystemExit(f"fleet: the database does not answer: {error.orig}") from error

    return run


@contextmanager
def what_the_user_can_put_right() -> Iterator[None]:
    """The device side has no errors of its own kind: a bad name, a folder that is not ours."""
    try:
        yield
    except (ValueError, OSError) as error:
        raise SettingError(str(error)) from error
