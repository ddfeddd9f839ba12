"""Looking at a Linux machine without ever raising: what cannot be read is None."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

COMMAND_TIMEOUT_S = 2.0
LABEL_LENGTH = 64


def read_text(path: Path) -> str | None:
    """The stripped content of a small file; None where it is missing, unreadable or empty."""
    try:
        return path.read_text(errors="replace").strip() or None
    except OSError:
        return None


def read_int(path: Path) -> int | None:
    try:
        return int(read_text(path) or "")
    except ValueError:
        return None


def output_of(command: Sequence[str]) -> str | None:
    """What a command prints; None where it is missing, fails, hangs or prints nothing."""
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=COMMAND_TIMEOUT_S, check=True, errors="replace"
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return str(done.stdout).strip() or None


def label(text: str | None) -> str | None:
    """`text` as a label of the protocol: printable, at most 64 characters; None if empty."""
    if text is None:
        return None
    printable = "".join(c for c in text if c.isprintable())
    return printable.strip()[:LABEL_LENGTH] or None
