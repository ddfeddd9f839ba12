"""The console's pages, in groups by what people come for."""

from typing import NamedTuple

from flask import Flask, request, url_for
from flask_babel import lazy_gettext as _

from fleet.web.signed_in import offers


class Entry(NamedTuple):
    """A page: its endpoint, or the address of one that is not the console's."""

    where: str
    word: str

    @property
    def address(self) -> str:
        return self.where if self.where.startswith("/") else url_for(self.where)

    @property
    def is_offered(self) -> bool:
        """Whether they may open it; what is not the console's decides for itself."""
        return self.where.startswith("/") or offers(self.where)

    @property
    def is_here(self) -> bool:
        """On the page itself or one below it. Everything is below the overview."""
        if self.where == "it.overview":
            return request.path == self.address
        return f"{request.path}/".startswith(f"{self.address}/")


class Group(NamedTuple):
    word: str
    entries: tuple[Entry, ...]

    @property
    def offered(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.is_offered]


FIRST = (Entry("it.overview", _("Overview")), Entry("it.alerts", _("Alerts")))
GROUPS = (
    Group(
        _("Devices"),
        (
            Entry("it.devices", _("All devices")),
            Entry("it.batteries", _("Batteries")),
            Entry("it.enrolment", _("Enrolment")),
            Entry("it.quarantine", _("Quarantine")),
            Entry("it.tickets", _("Tickets")),
        ),
    ),
    Group(
        _("Configuration"),
        (
            Entry("it.profiles", _("Profiles")),
            Entry("it.firmware", _("Firmware")),
            Entry("it.rollouts", _("Rollouts")),
        ),
    ),
    Group(
        _("Hospital"),
        (
            Entry("/", _("Ward boards")),
            Entry("it.shifts", _("Shifts")),
            Entry("it.wards", _("Wards")),
        ),
    ),
    Group(
        _("Administration"),
        (
            Entry("it.people", _("People")),
            Entry("it.badges", _("Badges")),
            Entry("it.audit", _("Audit")),
            Entry("it.tokens", _("Tokens")),
            Entry("it.webhooks", _("Webhooks")),
            Entry("it.settings", _("Settings")),
            Entry("/api/v1/docs", _("API")),
        ),
    ),
)


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(NAVIGATION=GROUPS, NAVIGATION_FIRST=FIRST)
