"""The console's blueprint: one gate for every page in it."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from flask import Blueprint, abort, flash, redirect, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from fleet.services.errors import NotFound, ServiceError
from fleet.store.queries.places import home_timezone
from fleet.web.security import is_own_path

P = ParamSpec("P")

KEY = "int(max=2147483647)"
"""In an address, the key of a row: a larger one than its column holds is not found."""

it = Blueprint("it", __name__, url_prefix="/it")
it.context_processor(lambda: {"home_timezone": home_timezone})


def refused_with_words(
    change: Callable[P, ResponseReturnValue],
) -> Callable[P, ResponseReturnValue]:
    """A change that the service refuses sends people back to where they were, with the reason."""

    @wraps(change)
    def view(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        try:
            return change(*args, **kwargs)
        except NotFound:
            abort(404)
        except ServiceError as problem:
            flash(problem.message, "problem")
            return back()

    return view


def back(fallback: str = "/it") -> ResponseReturnValue:
    """To the page that the form was on: a path of our own, or the fallback."""
    wanted = request.form.get("back", "")
    return redirect(wanted if is_own_path(wanted, "/it") else fallback, code=303)


def whole(form: MultiDict[str, str], name: str, bits: int = 31) -> int | None:
    """A whole number from a form or an address; None where there is none that a column holds."""
    text = form.get(name, "")
    is_number = text.isascii() and text.isdigit() and len(text) < 20
    return int(text) if is_number and int(text) < 2**bits else None
