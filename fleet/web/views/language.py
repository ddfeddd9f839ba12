"""The choice of a language, which stays on this screen."""

from flask import Blueprint, abort, redirect, request
from flask.typing import ResponseReturnValue

from fleet.access import allow
from fleet.domain.access import Access
from fleet.web import languages
from fleet.web.security import is_own_path

language = Blueprint("language", __name__)

A_YEAR_S = 365 * 86400


@language.get("/language/<code>")
@allow(Access.OPEN)
def choose(code: str) -> ResponseReturnValue:
    """`?back=`: the page that asked, a path of our own. By a plain link, so without JavaScript
    too: what another site could do with it is to show a page in a language that is not wanted."""
    back = request.args.get("back", "/")
    if code not in languages.offered() or not is_own_path(back):
        abort(404)
    answer = redirect(back, code=303)
    answer.set_cookie(
        languages.COOKIE,
        code,
        max_age=A_YEAR_S,
        httponly=True,
        samesite="Lax",
        secure=request.is_secure,
    )
    return answer
