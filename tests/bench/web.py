"""The pages at 1,000 and 100,000 devices in 500 wards while 1,000 readings/s arrive.

`make bench-web`. Broker, database, ingest, the load, and `web` and `schedule` as they are run, all
share this machine. Answers are timed from outside, over HTTP on a connection that is kept, from the
first byte of the request to the last of the answer. Beside each stands what its query alone takes,
on a connection of this process, in turn with the requests.
"""

import argparse
import os
import random
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse

from fleet import create_worker
from fleet.domain.words import DeviceKind
from fleet.identity import COOKIE
from fleet.services.first_administrator import create_administrator, offer
from fleet.services.sign_in import sign_in
from fleet.store.database import db
from fleet.store.queries.board import ward_cards, ward_head, ward_revision
from fleet.store.queries.devices import DeviceFilter, find_devices
from fleet.store.queries.overview import availability_tallies
from tests.bench.hospital import tag
from tests.bench.ingest import Place, place, receiver
from tests.support.processes import ROOT, free_port, start, stop
from tests.support.waiting import wait_until

SIZES = (1_000, 100_000)
WARDS = 500
RATE = 1_000
EACH = 20
"""Readings of each device that are there before: two million at 100,000."""
EVERY_S = 0.1
"""A round: one of each, the overview in every fourth."""
PASSWORD = "a long night shift"
NAMES = {
    "board": "ward board",
    "304": "ward board, unchanged (304)",
    "search": "device search",
    "everything": "search for everything",
    "overview": "overview",
}
Times = dict[str, list[float]]


class Browser:
    """One connection that is kept, with a session's cookie."""

    def __init__(self, port: int, cookie: str) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=30)
        self._cookie = f"{COOKIE}={cookie}"

    def get(self, path: str, etag: str | None = None) -> tuple[int, str | None, float]:
        """Status, ETag, milliseconds."""
        headers = {"Cookie": self._cookie, **({"If-None-Match": etag} if etag else {})}
        begun = time.perf_counter()
        try:
            answer = self._ask(path, headers)
        except ConnectionError:  # the server has let an idle one go
            answer = self._ask(path, headers)
        answer.read()
        return answer.status, answer.headers["ETag"], 1000 * (time.perf_counter() - begun)

    def _ask(self, path: str, headers: dict[str, str]) -> HTTPResponse:
        try:
            self._connection.request("GET", path, headers=headers)
            return self._connection.getresponse()
        except (OSError, HTTPException):
            self._connection.close()
            raise


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=400)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    asked = parser.parse_args()
    os.environ["FLEET_HTTP_PORT"] = str(free_port())
    print("| database | devices | page | answers | p50 / p99 | its query alone, p50 / p99 |")
    print("|---|---|---|---|---|---|")
    for database in ("SQLite", "PostgreSQL"):
        for size in asked.sizes:
            with place(database, size, EACH * size, WARDS) as here:
                _row(database, size, *_measure(here, size, asked.rounds))


def _measure(here: Place, size: int, rounds: int) -> tuple[Times, Times]:
    seconds = rounds + 300  # it is ended with the measurement
    with create_worker(here.settings).app_context(), receiver(here, 1):
        fleet = [sys.executable, "-m", "fleet.cli"]
        web, schedule = (start([*fleet, name], cwd=ROOT) for name in ("web", "schedule"))
        load = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.load", "--port", str(here.broker.port),
             "--devices", str(size), "--rate", str(RATE), "--seconds", str(seconds)],
            cwd=ROOT, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            browser = Browser(here.settings.http_port, _session())
            wait_until(lambda: _answers(browser), timeout=60, what="the pages")
            time.sleep(max(5, size / 4_000))  # the load has said each device once by then
            answers, queries = _rounds(browser, size, rounds)
            assert load.poll() is None, "the load ended before the measurement did"
            return answers, queries
        finally:
            load.kill()
            load.wait()
            stop(web, timeout=30)
            stop(schedule, timeout=30)
            db.session.remove()
            db.engine.dispose()


def _session() -> str:
    now = datetime.now(UTC)
    create_administrator(offer(now) or "", "bench", PASSWORD, now)
    return sign_in("bench", PASSWORD, now) or ""


def _answers(browser: Browser) -> bool:
    try:
        return browser.get("/it")[0] == 200
    except (OSError, HTTPException):
        return False


def _rounds(browser: Browser, size: int, rounds: int) -> tuple[Times, Times]:
    rng = random.Random(1)
    answers: Times = defaultdict(list)
    queries: Times = defaultdict(list)
    ask = _asking(browser, answers)
    for turn in range(rounds):
        due = time.perf_counter() + EVERY_S
        ward, device = f"ward-{rng.randrange(WARDS)}", tag(rng.randrange(size))
        etag = ask("board", f"/wards/{ward}/board", None)
        ask("304", f"/wards/{ward}/board", etag)
        ask("search", f"/it/devices?q={device}", None)
        ask("everything", f"/it/search?q={device}", None)
        if turn % 4 == 0:
            ask("overview", "/it", None)
        _query(queries, "board", lambda ward=ward: _cards(ward))
        _query(queries, "304", lambda ward=ward: ward_revision(ward))
        _query(queries, "search", lambda device=device: _found(device))
        if turn % 4 == 0:
            _query(queries, "overview", lambda: availability_tallies(datetime.now(UTC)))
        time.sleep(max(due - time.perf_counter(), 0))
    queries["everything"] = queries["search"]
    return answers, queries


def _asking(browser: Browser, answers: Times) -> Callable[[str, str, str | None], str | None]:
    """A board that has changed between the two looks is no 304, and not counted as one."""

    def ask(name: str, path: str, etag: str | None) -> str | None:
        status, found, took = browser.get(path, etag)
        assert status in (200, 304), (path, status)
        if (status == 304) == (name == "304"):
            answers[name].append(took)
        return found

    return ask


def _cards(ward: str) -> None:
    head = ward_head(ward)
    assert head
    assert ward_cards(head.id, DeviceKind.MEDICATION_CART)


def _found(device: str) -> None:
    assert find_devices(DeviceFilter(device), datetime.now(UTC)).rows


def _query(queries: Times, name: str, ask: Callable[[], object]) -> None:
    begun = time.perf_counter()
    ask()
    db.session.rollback()
    queries[name].append(1000 * (time.perf_counter() - begun))


def _row(database: str, size: int, answers: Times, queries: Times) -> None:
    for name, words in NAMES.items():
        print(
            f"| {database} | {size:,} | {words} | {len(answers[name])} | {_told(answers[name])} | "
            f"{_told(queries[name])} |",
            flush=True,
        )


def _told(times: list[float]) -> str:
    ranked = sorted(times)
    if not ranked:
        return "—"
    p50, p99 = ranked[len(ranked) // 2], ranked[max(int(len(ranked) * 0.99) - 1, 0)]
    return f"{p50:.1f} / {p99:.1f} ms"


if __name__ == "__main__":
    main()
