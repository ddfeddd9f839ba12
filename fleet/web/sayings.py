"""Sentences that rules and services make, in the page's language.

They are written in English where they are known (and kept so in the database and the audit). Here
stands each pattern of them that people without English may come to see; what is not known here is
shown as it is.
"""

import re
from functools import cache

from flask_babel import gettext


def marked(text: str) -> str:
    """For the catalogues: this will be translated where it is shown."""
    return text


REASONS = (
    marked("battery failed"),
    marked("%(apps)s not running"),
    marked("reports no battery"),
    marked("plugged in, not charging"),
    marked("never heard of"),
    marked("will not charge"),
    marked("application or screen"),
    marked("wheels, drawers or lock"),
)
"""Why a device is not available (`domain.condition`, `domain.board`, `domain.holding`)."""

REFUSALS = (
    marked("This name and password do not belong together."),
    marked("That took too long: the password again, please."),
    marked("That code is wrong, or has been used."),
    marked("too many wrong ones; try again in five minutes"),
    marked("This account is disabled."),
    marked("No role here is given to you; ask whoever manages Wardfleet."),
    marked("Your hospital account could not be verified. Try again, or ask IT."),
    marked("is not the same as the password"),
    marked("must not contain the user name"),
    marked("at least %(count)s different characters"),
    marked("at least %(count)s characters"),
    marked("at most %(count)s characters"),
    marked("2 to 64 of a-z, 0-9 and . _ -"),
    marked("4 to 64 letters, digits or the marks a reader types, without spaces"),
    marked("this code is wrong, was used, or is older than 15 minutes"),
    marked("hold your badge to the reader first"),
    marked("that PIN is not right"),
    marked("that session is over: hold your badge to the reader again"),
    marked("too many wrong PINs of this badge: try again in five minutes"),
    marked("%(cart)s is not taken: it was returned before"),
    marked("%(cart)s is reported already: %(fault)s"),
    marked("%(cart)s has changed at this moment: look, then try again"),
    marked("somebody else has done that: only they can undo it"),
    marked("this badge is not known here: IT gives badges to people"),
    marked("that was too long ago to be undone"),
    marked("somebody has done something else with it since"),
    marked("%(cart)s is reported broken: %(fault)s"),
    marked("%(cart)s has been taken at this moment"),
    marked("%(name)s was first: took %(cart)s %(age)s ago"),
)
"""Why somebody is not let in, no account is made, or nothing done (`services`)."""


def reason(text: str | None) -> str:
    return _translated(text or "", REASONS)


def refusal(text: str | None) -> str:
    return _translated(text or "", REFUSALS)


def _translated(text: str, patterns: tuple[str, ...]) -> str:
    for pattern in patterns:
        if found := _as_regex(pattern).fullmatch(text):
            places = {
                name: _translated(value, REASONS) for name, value in found.groupdict().items()
            }
            return str(gettext(pattern, **places))
    return text


@cache
def _as_regex(pattern: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"%\\\((\w+)\\\)s", r"(?P<\1>.+)", re.escape(pattern)))
