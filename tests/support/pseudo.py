"""A language that nobody speaks: from right to left, and two fifths longer than English.

What is still English on its pages was never marked; what does not fit will not fit in Finnish.
"""

import re
from pathlib import Path

from babel.messages import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask
from flask_babel import get_babel

from fleet.web import languages

CODE = "he"
"""For its direction alone: none of this is Hebrew, but its letters do not join and are wide."""
LATIN = "abcdefghijklmnopqrstuvwxyz"
LETTERS = "אבגדהוזחטיכלמנסעפצקרשתאבגד"

_KEPT = re.compile(r"(%\(\w+\)s|<[^>]+>|&\w+;)")
_TABLE = str.maketrans(LATIN + LATIN.upper(), LETTERS * 2)


def install(app: Flask, folder: Path) -> None:
    """The application offers it besides its own languages, made from the messages of one."""
    with (languages.FOLDER / "de" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        messages = read_po(file)
    made = Catalog(locale=CODE, fuzzy=False)
    for message in messages:
        if message.id:
            parts = [message.id] if isinstance(message.id, str) else list(message.id)
            told = [spoken(part) for part in parts]
            told += told[-1:] * (made.num_plurals - len(told))
            is_one = isinstance(message.id, str)
            made.add(message.id, told[0] if is_one else tuple(told[: made.num_plurals]))
    target = folder / CODE / "LC_MESSAGES"
    target.mkdir(parents=True)
    with (target / "messages.mo").open("wb") as file:
        write_mo(file, made)
    get_babel(app).translation_directories.append(str(folder))
    languages.look(app)


def spoken(text: str) -> str:
    parts = _KEPT.split(text)
    return "".join(part if _KEPT.fullmatch(part) else _longer(part) for part in parts)


def _longer(text: str) -> str:
    return re.sub(r"[A-Za-z]+", lambda word: _stretched(word[0]), text)


def _stretched(word: str) -> str:
    more = -(-len(word) * 2 // 5)
    return (word + word[:1] * more).translate(_TABLE)
