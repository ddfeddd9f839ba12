"""Wardfleet: the mobile devices of nurses and clinicians, recorded, configured and kept charged."""

from flask import Flask

from fleet.config import Settings


def create_app(settings: Settings | None = None) -> Flask:
    """The web application: settings, database, pages and API.

    Raises UndeclaredPermission where a route does not say who may use it.
    """
    from fleet import access, api, web
    from fleet.store.database import db
    from fleet.store.migrate import migrate

    app = create_worker(settings)
    migrate.init_app(app, db)
    web.init_app(app)
    api.init_app(app)
    access.check_declared(app)
    return app


def create_worker(settings: Settings | None = None) -> Flask:
    """The application without pages: settings and database, for ingest, schedule and commands."""
    from fleet.store.database import db, engine_options, prepare_engine

    settings = settings or Settings.from_env()
    settings.make_data_dir()
    app = Flask("fleet", static_folder=None)
    app.config.update(
        SECRET_KEY=settings.secret_key(),
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(settings.database_url),
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_HTTPONLY=True,
        MAX_CONTENT_LENGTH=2 * 1024 * 1024,
        FLEET=settings,
    )
    db.init_app(app)
    with app.app_context():
        prepare_engine(db.engine)
    return app
