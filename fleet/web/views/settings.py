"""What this installation is: its processes, and the settings that are in force."""

from flask import current_app, render_template
from flask.typing import ResponseReturnValue

from fleet.access import allow
from fleet.domain.access import Access
from fleet.store.database import db
from fleet.store.queries.health import instances
from fleet.web import clock
from fleet.web.in_force import in_force
from fleet.web.views.console import it


@it.get("/settings")
@allow(Access.READ)
def settings() -> ResponseReturnValue:
    return render_template(
        "it/settings.html",
        now=clock.now(),
        processes=instances(db.session()),
        groups=in_force(current_app.config["FLEET"]),
    )
