"""Numbers and states as people say them, for every template."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from flask import Flask
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from fleet.domain.access import Role
from fleet.domain.board import Group
from fleet.domain.commands import CommandState
from fleet.domain.rollout.words import JobState, RolloutState
from fleet.domain.words import (
    AlertKind,
    Availability,
    ComplianceState,
    DeviceKind,
    Identity,
    Outcome,
)
from fleet.web import clock, languages, sayings
from fleet.web.load_chart import DAYS
from fleet.web.purchasing import money


class Look(NamedTuple):
    """How one state is shown: its word, and the name of its shape and colour."""

    word: str
    shape: str


GROUPS = {
    Group.TAKE: Look(_("Take"), "take"),
    Group.PLUG_IN: Look(_("Plug in now"), "plug-in"),
    Group.CHARGING: Look(_("Charging"), "charging"),
    Group.IN_USE: Look(_("In use"), "in-use"),
    Group.OUT_OF_SERVICE: Look(_("Out of service"), "out-of-service"),
    Group.NOT_HEARD_OF: Look(_("Not heard of"), "not-heard-of"),
}
AVAILABILITIES = {
    Availability.AVAILABLE: Look(_("Available"), "take"),
    Availability.LOW: Look(_("Low"), "plug-in"),
    Availability.CHARGING: Look(_("Charging"), "charging"),
    Availability.IN_USE: Look(_("In use"), "in-use"),
    Availability.UNAVAILABLE: Look(_("Out of service"), "out-of-service"),
    Availability.UNKNOWN: Look(_("Not heard of"), "not-heard-of"),
}
COMPLIANCE = {
    ComplianceState.COMPLIANT: Look(_("Compliant"), "take"),
    ComplianceState.PENDING: Look(_("Pending"), "charging"),
    ComplianceState.DRIFTED: Look(_("Drifted"), "plug-in"),
    ComplianceState.NONCOMPLIANT: Look(_("Noncompliant"), "out-of-service"),
    ComplianceState.UNSUPPORTED: Look(_("Unsupported"), "in-use"),
    ComplianceState.UNKNOWN: Look(_("Unknown"), "not-heard-of"),
}
IDENTITIES = {
    Identity.CERTIFIED: Look(_("Certified"), "take"),
    Identity.PENDING: Look(_("Pending approval"), "plug-in"),
    Identity.UNCERTIFIED: Look(_("No certificate"), "in-use"),
    Identity.REVOKED: Look(_("Revoked"), "out-of-service"),
    Identity.EXPIRED: Look(_("Certificate expired"), "not-heard-of"),
    Identity.DECOMMISSIONED: Look(_("Decommissioned"), "not-heard-of"),
}
ROLLOUTS = {
    RolloutState.PROPOSED: Look(_("Proposed"), "in-use"),
    RolloutState.RUNNING: Look(_("Running"), "charging"),
    RolloutState.PAUSED: Look(_("Paused"), "plug-in"),
    RolloutState.HALTED: Look(_("Halted"), "out-of-service"),
    RolloutState.COMPLETED: Look(_("Completed"), "take"),
    RolloutState.ROLLED_BACK: Look(_("Rolled back"), "in-use"),
    RolloutState.CANCELLED: Look(_("Ended early"), "in-use"),
    RolloutState.REJECTED: Look(_("Rejected"), "not-heard-of"),
}
JOBS = {
    JobState.QUEUED: Look(_("Waiting"), "in-use"),
    JobState.OFFERED: Look(_("Offered"), "charging"),
    JobState.DOWNLOADING: Look(_("Downloading"), "charging"),
    JobState.VERIFIED: Look(_("Verified"), "charging"),
    JobState.WAITING: Look(_("Waiting"), "charging"),
    JobState.INSTALLING: Look(_("Installing"), "charging"),
    JobState.REBOOTING: Look(_("Rebooting"), "charging"),
    JobState.SUCCEEDED: Look(_("Done"), "take"),
    JobState.FAILED: Look(_("Failed"), "out-of-service"),
    JobState.REJECTED: Look(_("Refused"), "out-of-service"),
    JobState.TIMED_OUT: Look(_("Timed out"), "not-heard-of"),
    JobState.ROLLED_BACK: Look(_("Rolled back"), "in-use"),
    JobState.CANCELLED: Look(_("Called off"), "in-use"),
    JobState.MISSED: Look(_("Missed"), "plug-in"),
}
COMMANDS = {
    CommandState.QUEUED: Look(_("Waiting"), "in-use"),
    CommandState.PUBLISHED: Look(_("Sent"), "charging"),
    CommandState.ACKNOWLEDGED: Look(_("Done"), "take"),
    CommandState.EXPIRED: Look(_("Expired"), "not-heard-of"),
    CommandState.FAILED: Look(_("Failed"), "out-of-service"),
}
KINDS = {DeviceKind.MEDICATION_CART: _("Carts"), DeviceKind.TABLET: _("Tablets")}
NONE_TO_TAKE = {
    DeviceKind.MEDICATION_CART: _("No cart to take now"),
    DeviceKind.TABLET: _("No tablet to take now"),
}
TAKE_THIS = {
    DeviceKind.MEDICATION_CART: _("Take this cart"),
    DeviceKind.TABLET: _("Take this tablet"),
}
KIND = {DeviceKind.MEDICATION_CART: _("Medication cart"), DeviceKind.TABLET: _("Tablet")}
ALERTS = {
    AlertKind.OUTAGE: _("Outage"),
    AlertKind.ROLLOUT_HALTED: _("Rollout halted"),
    AlertKind.NEEDS_CHARGING: _("Needs charging"),
    AlertKind.NEEDS_REPLACEMENT: _("Battery needs replacement"),
    AlertKind.OFFLINE: _("Not heard of"),
    AlertKind.APP_FAILED: _("Application failed"),
    AlertKind.NOT_CHARGING: _("Plugged in, not charging"),
    AlertKind.NONCOMPLIANT: _("Not compliant"),
    AlertKind.OVERHEATING: _("Battery overheats"),
    AlertKind.SWELLING: _("Battery may be swollen"),
    AlertKind.GAUGE_LIES: _("Battery gauge is wrong"),
    AlertKind.NO_POWER: _("No power in its bay"),
    AlertKind.DEAD_OUTLET: _("Dead outlets in a bay"),
}
ROLES = {
    Role.VIEWER: _("Viewer"),
    Role.WARD_NURSE: _("Ward nurse"),
    Role.WARD_MANAGER: _("Ward manager"),
    Role.IT_OPERATOR: _("IT operator"),
    Role.IT_APPROVER: _("IT approver"),
    Role.ADMINISTRATOR: _("Administrator"),
    Role.AUDITOR: _("Auditor"),
}
RELEASES = {
    "ready": Look(_("Ready"), "take"),
    "missing": Look(_("File missing"), "plug-in"),
    "expired": Look(_("Expired"), "out-of-service"),
}
OUTCOMES = {
    Outcome.CHARGED: _("was charged"),
    Outcome.DIED: _("died"),
    Outcome.IGNORED: _("nobody came"),
}


def init_app(app: Flask) -> None:
    app.jinja_env.filters.update(
        runtime=runtime,
        age=age,
        at=languages.date_and_time,
        clock_time=languages.clock_time,
        to_the_second=languages.to_the_second,
        reason=sayings.reason,
        refusal=sayings.refusal,
        iso=iso,
        millis=millis,
        value=value,
        money=money,
        megabytes=megabytes,
        capitalize_first=capitalize_first,
    )
    app.jinja_env.globals.update(
        GROUPS=GROUPS,
        AVAILABILITIES=AVAILABILITIES,
        COMPLIANCE=COMPLIANCE,
        IDENTITIES=IDENTITIES,
        KINDS=KINDS,
        KIND=KIND,
        NONE_TO_TAKE=NONE_TO_TAKE,
        TAKE_THIS=TAKE_THIS,
        spoken_by_scripts=spoken_by_scripts,
        ALERTS=ALERTS,
        OUTCOMES=OUTCOMES,
        RELEASES=RELEASES,
        DAYS=DAYS,
        ROLES=ROLES,
        ROLLOUTS=ROLLOUTS,
        JOBS=JOBS,
        COMMANDS=COMMANDS,
        now=clock.now,
        timedelta=timedelta,
        zip=zip,
    )
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True


Say = Callable[..., str]
"""Like `gettext`: a pattern and what stands in its places."""


def runtime(minutes: int, say: Say = gettext) -> str:
    """370 -> "6 h 10", 47 -> "45 min": rounded down, because a promise must hold."""
    if minutes < 60:
        shown = minutes - minutes % 5 if minutes >= 10 else minutes
        return say("%(minutes)s min", minutes=shown)
    hours, rest = divmod(minutes - minutes % 10, 60)
    if rest:
        two_digits = f"{rest:02d}"
        return say("%(hours)s h %(minutes)s", hours=hours, minutes=two_digits)
    return say("%(hours)s h", hours=hours)


def age(moment: datetime, now: datetime, say: Say = gettext) -> str:
    """How long ago. `assets/js/lib/ages.js` counts on from here in the same words."""
    seconds = max(int((now - moment).total_seconds()), 0)
    if seconds < 100:
        return say("%(n)s s ago", n=seconds)
    if seconds < 100 * 60:
        return say("%(n)s min ago", n=seconds // 60)
    if seconds < 48 * 3600:
        return say("%(n)s h ago", n=seconds // 3600)
    return say("%(n)s days ago", n=seconds // 86400)


def spoken_by_scripts() -> dict[str, str]:
    """What `assets/js/lib/say.js` says by itself, also while the server is gone."""
    return {
        "minutes": gettext("%(minutes)s min"),
        "hours": gettext("%(hours)s h"),
        "hours_minutes": gettext("%(hours)s h %(minutes)s"),
        "seconds_ago": gettext("%(n)s s ago"),
        "minutes_ago": gettext("%(n)s min ago"),
        "hours_ago": gettext("%(n)s h ago"),
        "days_ago": gettext("%(n)s days ago"),
        "not_heard_of": gettext("Not heard of"),
        "take": gettext("Take %(cart)s."),
        "none_to_take": gettext("none to take"),
        "as_of": gettext("as of %(time)s"),
        "shown_as_of": gettext("· shown as of %(time)s"),
        "refused": gettext("That was refused. Load the page again."),
        "your_pin": gettext("Your PIN"),
        "your_badge": gettext("Your badge"),
        "no_pin": gettext("This badge has no PIN: it changes nothing. IT sets one."),
        "digits": gettext("%(n)s digits"),
        "no_answer": gettext("The service does not answer. Try again in a moment."),
        "no_answer_look": gettext(
            "The service does not answer. Look at the board before you try again."
        ),
        "no_connection": gettext("No connection: nothing can be changed now."),
        "just_changed": gettext(
            "Another cart has become the best at this moment. Look, then tap again."
        ),
        "light": gettext("Light"),
        "dark": gettext("Dark"),
    }


def iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def millis(moment: datetime | None) -> int:
    return int(moment.timestamp() * 1000) if moment else 0


def megabytes(length: int) -> str:
    """48234496 -> "48.2 MB", 700 -> "700 bytes"."""
    if length < 1_000:
        return gettext("%(n)s bytes", n=length)
    unit, size = ("kB", 1_000) if length < 1_000_000 else ("MB", 1_000_000)
    return f"{languages.decimal(length / size)} {unit}"


def capitalize_first(words: str) -> str:
    """A sentence of the rules as one of the page: names in it keep their letters."""
    return words[:1].upper() + words[1:]


def value(what: Any) -> str:
    """A setting as people write it."""
    if isinstance(what, bool):
        return gettext("yes") if what else gettext("no")
    if isinstance(what, list):
        return ", ".join(value(part) for part in what) or "—"
    return "—" if what is None else str(what)
