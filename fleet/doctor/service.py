"""The service itself, by the signs of life of its processes: on whatever machine each is."""

from collections.abc import Iterator
from datetime import timedelta
from statistics import median

from fleet.doctor.case import Case
from fleet.doctor.finding import Finding, fail, ok, warn
from fleet.domain.age import clock_is_believable
from fleet.domain.health import is_alive, problems
from fleet.jobs.table import JOBS
from fleet.metrics import values
from fleet.store.heartbeat import ServiceInstance
from fleet.store.queries import diagnosis
from fleet.store.queries.health import instances, round_trip_at, signs_of_life

READINGS_DEADLINE = timedelta(minutes=5)
OUTBOX_DEADLINE = timedelta(minutes=1)
MUCH_MEMORY_BYTES = 400_000_000
"""Ingest needs less than half of it at full load."""
DEVICES_AHEAD = -2.0
DEVICES_BEHIND = 30.0
"""Seconds. A reading takes a moment to arrive; only a backlog takes longer, and not half of all."""


def readiness(case: Case) -> Iterator[Finding]:
    """What `/readyz` would say."""
    found = problems(signs_of_life(case.session), round_trip_at(case.session), case.now)
    for check, problem in found.items():
        name = f"readyz {check}"
        yield fail(name, "not as it should be", problem) if problem else ok(name, "well")


def processes(case: Case) -> Iterator[Finding]:
    everybody = instances(case.session)
    living = [row for row in everybody if is_alive(row.at, case.now)]
    versions = sorted({row.version for row in living})
    names = ", ".join(f"{row.process} {row.instance}" for row in living) or "none"
    if len(versions) > 1:
        found = f"versions {' and '.join(versions)} run side by side: {names}"
        yield warn("processes", found, "Restart those of the older one.")
    else:
        yield ok("processes", names)
    for row in everybody:
        name = f"{row.process} {row.instance}"
        if row not in living:
            minutes = (case.now - row.at).total_seconds() / 60
            do = f"See on {row.host} whether it was ended or cannot reach the database."
            yield warn("processes", f"{name} fell silent {minutes:.0f} min ago", do)
        elif row.problem:
            do = "See `disk` and `database`: it goes on by itself once they are well."
            yield fail("processes", f"{name}: {row.problem}", do)


def memory(case: Case) -> Iterator[Finding]:
    for row in _living(case, "ingest"):
        used = sum(values(row.metrics, "process_resident_memory_bytes").values())
        found = f"ingest {row.instance} holds {used / 1e6:.0f} MB"
        if used > MUCH_MEMORY_BYTES:
            yield warn("memory", found, "See its log: the database may be slow to take what comes.")
        else:
            yield ok("memory", found)


def jobs(case: Case) -> Iterator[Finding]:
    """When each scheduled job last ended well, on whichever machine."""
    living = _living(case, "schedule")
    if not living:
        yield warn("jobs", "nobody does them", "Start `fleet schedule`.")
        return
    # Before it was started nothing was due.
    since = min(row.started_at for row in living).timestamp()
    ended: dict[str, float] = {}
    for row in living:
        name = "wardfleet_job_last_success_timestamp_seconds"
        for labels, at in values(row.metrics, name).items():
            job = dict(labels)["name"]
            ended[job] = max(at, ended.get(job, 0))
    now = case.now.timestamp()
    late = [job.name for job in JOBS if now - ended.get(job.name, since) > 3 * job.every_s + 60]
    if late:
        do = "See the log of `fleet schedule`: why they fail."
        yield warn("jobs", f"overdue: {', '.join(late)}", do)
    else:
        yield ok("jobs", f"all {len(JOBS)} ended well when they were due")


def outbox(case: Case) -> Iterator[Finding]:
    waiting, oldest_at = diagnosis.outbox(case.session)
    age = case.now - oldest_at if oldest_at else timedelta(0)
    found = f"{waiting} messages wait, the oldest {max(age.total_seconds(), 0):.0f} s"
    if age > OUTBOX_DEADLINE:
        yield warn("outbox", found, "See the checks `broker` and `schedule`: nobody takes them.")
    else:
        yield ok("outbox", found)


def readings(case: Case) -> Iterator[Finding]:
    newest = diagnosis.newest_reading_at(case.session)
    if newest is None:
        yield ok("readings", "none yet")
        return
    found = f"the newest came {(case.now - newest).total_seconds():.0f} s ago"
    if case.now - newest > READINGS_DEADLINE:
        do = "Are all devices off? Else see the Wi-Fi, and whether they reach the broker."
        yield warn("readings", found, do)
    else:
        yield ok("readings", found)


def device_clocks(case: Case) -> Iterator[Finding]:
    """Against those of the devices, whose middle is not wrong by chance."""
    behind = [
        (received - sampled).total_seconds()
        for sampled, received in diagnosis.clock_samples(case.session)
        if clock_is_believable(sampled, received, synced=None)
    ]
    if not behind:
        return
    middle = median(behind)
    found = f"readings arrive {middle:.1f} s after the time that they carry (median)"
    if DEVICES_AHEAD <= middle <= DEVICES_BEHIND:
        yield ok("device clocks", found)
    else:
        do = "Compare this machine's clock with a watch; else the devices' time server is wrong."
        yield warn("device clocks", found, do)


def _living(case: Case, process: str) -> list[ServiceInstance]:
    rows = instances(case.session)
    return [row for row in rows if row.process == process and is_alive(row.at, case.now)]
