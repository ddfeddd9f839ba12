"""What a simulated device still has after the simulator was stopped."""

import logging
from pathlib import Path

import msgspec
from msgspec import Struct

from fleet.wire.messages import Setting, encode

log = logging.getLogger(__name__)


class Memory(Struct):
    """Charge and health as shares, as physics has them; settings as they stand."""

    soc: float
    health: float
    cycles: float
    plugged_in: bool
    settings: dict[str, Setting]


def save(path: Path, memory: Memory) -> None:
    """Whole or not at all."""
    draft = path.with_suffix(".new")
    draft.write_bytes(encode(memory))
    draft.replace(path)


def recall(path: Path) -> Memory | None:
    """None where nothing was saved, or it cannot be read any more."""
    if not path.exists():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=Memory)
    except msgspec.DecodeError as error:
        log.warning("%s is damaged, and passed over: %s", path, error)
        return None
