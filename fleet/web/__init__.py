"""The pages: the ward board for nurses, the console for IT. They read `store.queries` alone."""

from flask import Flask

from fleet import single_sign_on as oidc
from fleet.web import (
    at_screen,
    bundle,
    cards,
    errors,
    languages,
    navigation,
    requests,
    security,
    signed_in,
    words,
)
from fleet.web.views import (  # each room adds its pages to the console
    account,  # noqa: F401
    alerts,  # noqa: F401
    audit,  # noqa: F401
    batteries,  # noqa: F401
    battery_models,  # noqa: F401
    battery_pack,  # noqa: F401
    board,
    carts,
    console,
    device,  # noqa: F401
    devices,  # noqa: F401
    enrolment,  # noqa: F401
    entrance,
    exports,  # noqa: F401
    filters,  # noqa: F401
    firmware,  # noqa: F401
    floors,  # noqa: F401
    health,
    installable,
    language,
    overview,  # noqa: F401
    passkeys,  # noqa: F401
    people,  # noqa: F401
    profiles,  # noqa: F401
    quarantine,  # noqa: F401
    rollouts,  # noqa: F401
    screen,
    screens,  # noqa: F401
    search,  # noqa: F401
    settings,  # noqa: F401
    shifts,  # noqa: F401
    short_wards,  # noqa: F401
    single_sign_on,
    tasks,  # noqa: F401
    tickets,  # noqa: F401
    tokens,  # noqa: F401
    wards,  # noqa: F401
    webhooks,  # noqa: F401
)


def init_app(app: Flask) -> None:
    oidc.init_app(app)
    for part in (
        requests,
        bundle,
        languages,
        navigation,
        words,
        cards,
        security,
        signed_in,
        at_screen,
        errors,
    ):
        part.init_app(app)
    for blueprint in (
        health.health,
        board.board,
        carts.carts,
        screen.screen,
        entrance.entrance,
        single_sign_on.single_sign_on,
        installable.installable,
        language.language,
        console.it,
    ):
        app.register_blueprint(blueprint)
