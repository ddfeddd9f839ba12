"""The pages: the ward board for nurses, the console for IT. They read `store.queries` alone."""

from flask import Flask

from fleet.web import bundle, errors, security, signed_in, words
from fleet.web.views import board, entrance, health, it


def init_app(app: Flask) -> None:
    bundle.init_app(app)
    words.init_app(app)
    security.init_app(app)
    signed_in.init_app(app)
    errors.init_app(app)
    for blueprint in (health.health, board.board, entrance.entrance, it.blueprint()):
        app.register_blueprint(blueprint)
