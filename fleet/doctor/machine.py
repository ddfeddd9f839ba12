"""This machine: its data directory, its disks, its clock."""

import os
import shutil
import subprocess
from collections.abc import Iterator

from fleet.doctor.case import Case
from fleet.doctor.finding import Finding, fail, megabytes, ok, warn
from fleet.domain.health import nearly_full

GETTING_FULL = 0.1
"""Less than this share free: time to make room before anything stops."""


def data_directory(case: Case) -> Iterator[Finding]:
    folder = case.settings.data_dir
    name = "data directory"
    if not folder.is_dir():
        yield fail(
            name, f"{folder} is not there", "Set FLEET_DATA_DIR as for `fleet up`, or start that."
        )
    elif not os.access(folder, os.W_OK | os.X_OK):
        yield fail(name, f"{folder} cannot be written", "Run as the user whom it belongs to.")
    else:
        yield ok(name, str(folder))


def disk(case: Case) -> Iterator[Finding]:
    for folder in case.settings.folders():
        if not folder.is_dir():
            continue
        usage = shutil.disk_usage(folder)
        found = f"{megabytes(usage.free)} of {megabytes(usage.total)} free at {folder}"
        if nearly_full(usage.free, usage.total):
            yield fail("disk", found, "Make room now: without it nothing can be recorded.")
        elif usage.free < GETTING_FULL * usage.total:
            yield warn("disk", found, "Make room, or lower FLEET_RETENTION_DAYS.")
        else:
            yield ok("disk", found)


def clock(_case: Case) -> Iterator[Finding]:
    """Whether this machine's clock is kept by somebody: systemd and chrony know."""
    name = "clock"
    if (said := _said("timedatectl", "show", "--property=NTPSynchronized", "--value")) is not None:
        is_kept = said == "yes"
    elif (said := _said("chronyc", "-n", "tracking")) is not None:
        is_kept = "Not synchronised" not in said
    else:
        yield ok(name, "nobody here says whether it is synchronised (no timedatectl, no chronyc)")
        return
    if is_kept:
        yield ok(name, "synchronised")
    else:
        yield warn(name, "not synchronised", "Set up chrony or systemd-timesyncd.")


def _said(*command: str) -> str | None:
    """What a program prints; None where it is not there or has nothing to say."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
