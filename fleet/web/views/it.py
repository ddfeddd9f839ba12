"""The console's blueprint: one gate for every page in it."""

from importlib import import_module

from flask import Blueprint

from fleet.web.signed_in import require_login

ROOMS = ()


def blueprint() -> Blueprint:
    it = Blueprint("it", __name__, url_prefix="/it")
    it.before_request(require_login)
    for room in ROOMS:
        import_module(f"fleet.web.views.{room}").add_to(it)

    @it.get("/")
    def overview() -> str:
        return "soon"

    return it
