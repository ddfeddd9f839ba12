"""In which language a page speaks: as chosen on this screen, else as the browser asks.

English stands in the code and is the source; every other language is a folder with a catalogue
(docs/translating.md). The API and the log are English for everybody, and so is the console until
its pages are marked: a page speaks one language.
"""

from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_skeleton
from babel.numbers import format_decimal
from flask import Flask, Response, current_app, has_request_context, request
from flask_babel import Babel, get_babel

SOURCE = "en"
COOKIE = "language"
ENGLISH = ("/api/", "/it/")
FOLDER = Path(__file__).parent / "translations"

_babel = Babel()


def init_app(app: Flask) -> None:
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(FOLDER)
    _babel.init_app(app, default_locale=SOURCE, locale_selector=current)
    look(app)
    app.jinja_env.globals.update(language=current, direction=direction, languages=offered)
    app.after_request(_say_what_it_depends_on)


def look(app: Flask) -> None:
    """Find the catalogues that are there: a language is offered once it is built."""
    folders = get_babel(app).translation_directories
    built = [path for folder in folders for path in Path(folder).glob("*/LC_MESSAGES/messages.mo")]
    codes = sorted({path.parents[1].name for path in built})
    app.extensions["languages"] = {code: _own_name(code) for code in (SOURCE, *codes)}


def offered() -> dict[str, str]:
    """Code and own name of each, English first."""
    names: dict[str, str] = current_app.extensions["languages"]
    return names


def current() -> str:
    """Outside of a page, and for programs: English."""
    if not has_request_context() or f"{request.path}/".startswith(ENGLISH):
        return SOURCE
    chosen = request.cookies.get(COOKIE)
    if chosen in offered():
        return chosen
    return next(filter(None, map(_offered_as, request.accept_languages.values())), SOURCE)


def direction() -> str:
    """`ltr` or `rtl`: the way in which the page's language is written."""
    return Locale.parse(current()).text_direction


def built() -> list[Path]:
    """Our own catalogues, as they are read."""
    return sorted(FOLDER.glob("*/LC_MESSAGES/messages.mo"))


def clock_time(moment: datetime, timezone: str, language: str | None = None) -> str:
    """07:05. By 24 hours in every language: a shift's end is not to be taken for the evening."""
    return _clock_time(int(moment.timestamp()) // 60, timezone, language or current())


@lru_cache(maxsize=10_000)  # a board names the same few hundred minutes again and again
def _clock_time(minute: int, timezone: str, language: str) -> str:
    moment = datetime.fromtimestamp(60 * minute, UTC)
    return format_skeleton("Hm", moment, ZoneInfo(timezone), locale=language)


def to_the_second(moment: datetime, timezone: str) -> str:
    """03:12:05, where minutes would hide what happens."""
    return moment.astimezone(ZoneInfo(timezone)).strftime("%H:%M:%S")


def date_and_time(moment: datetime, timezone: str) -> str:
    """24.11.2026 03:12. In English as ISO has it, because half its readers put the month first."""
    local = moment.astimezone(ZoneInfo(timezone))
    if current() == SOURCE:
        return local.strftime("%Y-%m-%d %H:%M")
    day = format_skeleton("yMd", local, locale=current())
    return f"{day} {clock_time(moment, timezone)}"


def decimal(number: float, digits: int = 1) -> str:
    """48.2, 48,2: without groups of thousands."""
    form = "0." + "0" * digits if digits else "0"
    return format_decimal(number, form, locale=current())


def _offered_as(asked: str) -> str | None:
    """`de` for `de-AT`, unless there is a catalogue for Austria."""
    parts = asked.replace("-", "_").split("_")
    whole, primary = "_".join((parts[0].lower(), *parts[1:])), parts[0].lower()
    return next((code for code in (whole, primary) if code in offered()), None)


def _own_name(code: str) -> str:
    name = Locale.parse(code).get_display_name(code) or code
    return name[:1].upper() + name[1:]


def _say_what_it_depends_on(response: Response) -> Response:
    if response.mimetype == "text/html" and not request.path.startswith("/api/"):
        response.headers["Content-Language"] = current()
        response.vary.update(("Accept-Language", "Cookie"))
    return response
