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
)
"""Why a device is not available (`domain.condition`, `domain.board`)."""

REFUSALS = (
    marked("This name and password do not belong together."),
    marked("too many wrong passwords; try again in five minutes"),
    marked("is not the same as the password"),
    marked("must not contain the user name"),
    marked("at least %(count)s different characters"),
    marked("at least %(count)s characters"),
    marked("at most %(count)s characters"),
    marked("2 to 64 of a-z, 0-9 and . _ -"),
)
"""Why somebody is not let in, or no account made (`services.sign_in`, `services.passwords`)."""


def reason(text: str | None) -> str | None:
    return text and _translated(text, REASONS)


def refusal(text: str | None) -> str | None:
    return text and _translated(text, REFUSALS)


def _translated(text: str, patterns: tuple[str, ...]) -> str:
    for pattern in patterns:
        if found := _as_regex(pattern).fullmatch(text):
            return str(gettext(pattern, **found.groupdict()))
    return text


@cache
def _as_regex(pattern: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"%\\\((\w+)\\\)s", r"(?P<\1>.+)", re.escape(pattern)))
