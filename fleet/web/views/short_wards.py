"""Wards with fewer carts to take than they must have. Permission: view."""

from flask import render_template
from flask.typing import ResponseReturnValue

from fleet.domain.words import Availability, DeviceKind
from fleet.store.queries.needs import short_wards as find_short_wards
from fleet.store.queries.overview import availability_tallies
from fleet.web import clock
from fleet.web.views.console import it


@it.get("/short-wards")
def short_wards() -> ResponseReturnValue:
    tallies = availability_tallies(clock.now())
    found = find_short_wards(tallies, DeviceKind.MEDICATION_CART, Availability.AVAILABLE)
    return render_template("it/short_wards.html", wards=found)
