"""The audit's hash chain: the hash of an entry covers its content and the hash before it.

Who edits an entry or takes one out must rewrite all that follow, and is found out by whoever has
kept a later hash. (Linked timestamping: Haber and Stornetta, 1991.) The form that is hashed can
never change: every chain that was ever written would be called broken.
"""

import json
from collections.abc import Mapping
from datetime import UTC
from hashlib import sha256
from typing import Any

GENESIS = "0" * 64
"""What the first entry of all follows."""


def link(previous: str, entry: Mapping[Any, Any]) -> str:
    """The hash (SHA-256, hex) of an entry that follows `previous`.

    Over JSON in ASCII, keys sorted, without spaces: `before` and `after` come out of the database
    with the same values, but in an order of its own.
    """
    content = [
        previous,
        entry["id"],
        entry["at"].astimezone(UTC).isoformat(),
        entry["actor"],
        entry["action"],
        entry["subject"],
        entry["before"],
        entry["after"],
    ]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return sha256(text.encode()).hexdigest()
