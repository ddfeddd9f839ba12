"""The pages: the ward board for nurses, the console for IT. They read `store.queries` alone."""

from flask import Flask

from fleet.web import bundle, errors, requests, security, signed_in, words
from fleet.web.views import (  # each room adds its pages to the console
    alerts,  # noqa: F401
    audit,  # noqa: F401
    batteries,  # noqa: F401
    battery_models,  # noqa: F401
    battery_pack,  # noqa: F401
    board,
    console,
    device,  # noqa: F401
    devices,  # noqa: F401
    enrolment,  # noqa: F401
    entrance,
    exports,  # noqa: F401
    filters,  # noqa: F401
    firmware,  # noqa: F401
    health,
    overview,  # noqa: F401
    profiles,  # noqa: F401
    quarantine,  # noqa: F401
    rollouts,  # noqa: F401
    search,  # noqa: F401
    shifts,  # noqa: F401
    short_wards,  # noqa: F401
    tasks,  # noqa: F401
    tokens,  # noqa: F401
)


def init_app(app: Flask) -> None:
    for part in (requests, bundle, words, security, signed_in, errors):
        part.init_app(app)
    for blueprint in (health.health, board.board, entrance.entrance, console.it):
        app.register_blueprint(blueprint)
