"""Wards with fewer carts to take than they must have."""

from flask import render_template
from flask.typing import ResponseReturnValue

from fleet.access import At, allow, reach
from fleet.domain.access import Access
from fleet.domain.words import Availability, DeviceKind
from fleet.store.queries.needs import short_wards as find_short_wards
from fleet.store.queries.overview import availability_tallies
from fleet.web import clock
from fleet.web.views.console import it


@it.get("/short-wards")
@allow(Access.READ, At.ANY)
def short_wards() -> ResponseReturnValue:
    tallies = availability_tallies(clock.now(), reach())
    found = find_short_wards(tallies, DeviceKind.MEDICATION_CART, Availability.AVAILABLE)
    return render_template("it/short_wards.html", wards=found)
