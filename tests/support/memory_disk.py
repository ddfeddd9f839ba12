"""Where the tests' files are: in memory where there is room, because losing them is no loss.

No test can tell: what a killed process wrote is there on either, and no test cuts the power. What
takes the time is that a copied database has a thousand files, and each commit waits for the disk.
"""

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
NEEDED = 4 * 1024**3
"""Bytes: several times what the whole suite has at once."""


def use_memory() -> None:
    """For this process and those it starts, unless TMPDIR says where."""
    if "TMPDIR" not in os.environ and _has_room():
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None  # or the answer that it gave before would stand


def _has_room() -> bool:
    """A container often has 64 MB there, and may run no program from it."""
    if not os.access(MEMORY, os.W_OK | os.X_OK):
        return False
    return not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC and (
        min(shutil.disk_usage(MEMORY).free, _available_bytes()) > NEEDED
    )


def _available_bytes() -> int:
    info = Path("/proc/meminfo").read_text()
    return int(info.partition("MemAvailable:")[2].split()[0]) * 1024
