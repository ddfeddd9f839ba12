"""Files that appear whole or not at all, with the permissions that they shall have."""

import os
import tempfile
from pathlib import Path

PRIVATE, PUBLIC = 0o600, 0o644


def write(path: Path, data: bytes, mode: int = PUBLIC) -> None:
    """Replace the file; whoever reads it meanwhile has the old one or the new one."""
    draft = _draft(path, data, mode)
    draft.replace(path)


def write_once(path: Path, data: bytes, mode: int = PRIVATE) -> None:
    """Make the file; where another was first, that one stays."""
    draft = _draft(path, data, mode)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _draft(path: Path, data: bytes, mode: int) -> Path:
    descriptor, name = tempfile.mkstemp(prefix=".", dir=path.parent)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return Path(name)
