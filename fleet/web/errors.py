"""Error pages in the product's look. Under /api the API answers for itself."""

import logging
from typing import cast

from flask import Flask, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from werkzeug.exceptions import BadRequest, Conflict, HTTPException

from fleet import access, request_id
from fleet.web import signed_in

log = logging.getLogger(__name__)

PAGES = {
    400: (
        _("That could not be read"),
        _("Something in the address or the form is not as it should be."),
    ),
    401: (_("Please sign in"), _("Your session has ended.")),
    403: (_("Not allowed"), _("The page was too old, or this is not yours to change.")),
    404: (_("Nothing here"), _("The address is wrong, or what was here has been removed.")),
    405: (_("Not that way"), _("This address cannot be used like that.")),
    409: (
        _("Somebody was first"),
        _("The same has been changed at this moment. Look, then try again."),
    ),
    413: (_("Too large"), _("That is more than this service takes in one go.")),
    429: (_("Too many attempts"), _("Wait a minute, then try again.")),
    500: (
        _("Something broke on our side"),
        _("It has been noted in the log. Try again in a moment."),
    ),
}


def init_app(app: Flask) -> None:
    for code in PAGES:
        app.register_error_handler(code, _page)
    app.register_error_handler(DataError, _refused_by_the_database)
    app.register_error_handler(IntegrityError, _refused_by_the_database)


def _refused_by_the_database(error: DBAPIError) -> ResponseReturnValue:
    """A value that no column takes, or a name that somebody else has taken since we looked."""
    log.warning("refused by the database: %s", error.orig)
    return _page(Conflict() if isinstance(error, IntegrityError) else BadRequest())


def _page(error: HTTPException) -> ResponseReturnValue:
    if request.path.startswith("/api/"):
        generic = current_app.error_handler_spec[None][None].get(HTTPException)
        return cast(ResponseReturnValue, generic(error) if generic else error)
    code = error.code or 500
    if code == 401:
        return signed_in.way_in()
    if code == 403 and access.must_set_up_second_factor():
        return redirect(url_for("it.account"))
    title, words = PAGES[code]
    if code == 403 and error.description:
        words = error.description
    return render_template(
        "error.html", code=code, title=title, words=words, request_id=request_id.current.get()
    ), code
