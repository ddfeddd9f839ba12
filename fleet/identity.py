"""Who is asking, by the session cookie: the pages and the API both want to know."""

from datetime import datetime

from flask import current_app, g, request

from fleet.services.sign_in import signed_in_user
from fleet.store.models import User

COOKIE = "wardfleet_session"


def current_user(now: datetime) -> User | None:
    """The signed-in user of this request, looked up once."""
    if "user" not in g:
        token = request.cookies.get(COOKIE)
        idle = current_app.config["FLEET"].sign_in.idle
        g.user = signed_in_user(token, now, idle) if token else None
    user: User | None = g.user
    return user
