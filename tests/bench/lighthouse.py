"""What Lighthouse says of the boards and of the overview: `make lighthouse`.

Against the real server over a hospital on a busy night; a phone is Lighthouse's own, on a slow
network and with a processor four times slower than this one. Prints the table of
docs/benchmarks.md, and beside each figure below 95 what keeps it there.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from fleet.identity import COOKIE
from tests.browser.busy_night import PASSWORD, USER, busy_app
from tests.support.browser import BINARIES
from tests.support.processes import ROOT, free_port, start, stop
from tests.support.waiting import wait_until

LIGHTHOUSE = ROOT / "tests" / "bench" / "node" / "node_modules" / "lighthouse" / "cli" / "index.js"
PAGES = {"ward board": "/wards/ward-2a", "hospital board": "/", "overview": "/it"}
SCREENS = {"phone": [], "desktop": ["--preset=desktop"]}
CATEGORIES = ("performance", "accessibility", "best-practices")
ENOUGH = 95


def main() -> None:
    print(f"| page | screen | {' | '.join(CATEGORIES)} | first paint | largest paint | bytes |")
    print("|---|---|" + "---|" * (len(CATEGORIES) + 3))
    wanting: list[str] = []
    for page, path in PAGES.items():
        for screen, options in SCREENS.items():
            # Each has a night of its own: carts fall silent meanwhile, and change their group.
            with _hospital() as (address, headers):
                report = _examine(f"{address}{path}", headers, options)
            print(_row(page, screen, report), flush=True)
            wanting += _wanting(page, screen, report)
    for line in wanting:
        print(line)


@contextmanager
def _hospital() -> Iterator[tuple[str, Path]]:
    """Address of the server, and the headers of somebody who has signed in."""
    with tempfile.TemporaryDirectory() as name:
        headers = Path(name) / "headers.json"
        headers.write_text(json.dumps({"Cookie": f"{COOKIE}={_session(Path(name))}"}))
        port = free_port()
        environ = {**os.environ, "FLEET_DATA_DIR": name, "FLEET_HTTP_PORT": str(port)}
        server = start([sys.executable, "-m", "fleet.cli", "web"], env=environ)
        address = f"http://127.0.0.1:{port}"
        try:
            wait_until(lambda: _is_up(address), timeout=30, what="the server")
            yield address, headers
        finally:
            stop(server)


def _row(page: str, screen: str, report: dict[str, Any]) -> str:
    audits = report["audits"]
    shown = [str(round(_score(report, name))) for name in CATEGORIES]
    return (
        f"| {page} | {screen} | {' | '.join(shown)} "
        f"| {audits['first-contentful-paint']['displayValue']} "
        f"| {audits['largest-contentful-paint']['displayValue']} "
        f"| {audits['total-byte-weight']['numericValue']:,.0f} |"
    )


def _score(report: dict[str, Any], category: str) -> float:
    return 100 * (report["categories"][category]["score"] or 0)


def _wanting(page: str, screen: str, report: dict[str, Any]) -> Iterator[str]:
    for name in CATEGORIES:
        if _score(report, name) < ENOUGH:
            yield from _failing(report, name, f"{page}, {screen}")


def _failing(report: dict[str, Any], category: str, where: str) -> Iterator[str]:
    for reference in report["categories"][category]["auditRefs"]:
        audit = report["audits"][reference["id"]]
        if reference["weight"] and audit["score"] is not None and audit["score"] < 1:
            yield f"{where}: {category}: {audit['title']}: {audit.get('displayValue', '')}"


def _examine(url: str, headers: Path, options: list[str]) -> dict[str, Any]:
    report = headers.with_name("report.json")
    binary = next(filter(None, map(shutil.which, BINARIES)))
    subprocess.run(
        [
            ROOT / ".ci" / "node", "node", LIGHTHOUSE, url, "--quiet", "--output=json",
            f"--output-path={report}", f"--only-categories={','.join(CATEGORIES)}",
            f"--extra-headers={headers}", "--chrome-flags=--headless=new --no-sandbox", *options,
        ],
        check=True,
        env={**os.environ, "CHROME_PATH": binary},
    )  # fmt: skip
    read: dict[str, Any] = json.loads(report.read_text())
    return read


def _session(folder: Path) -> str:
    """The cookie of somebody who has signed in."""
    client = busy_app(folder).test_client()
    page = client.get("/login").text
    token = page.split('name="csrf_token" value="')[1].split('"')[0]
    client.post("/login", data={"username": USER, "password": PASSWORD, "csrf_token": token})
    cookie = client.get_cookie(COOKIE)
    assert cookie, "signing in failed"
    return str(cookie.value)


def _is_up(address: str) -> bool:
    try:
        with urlopen(f"{address}/healthz") as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


if __name__ == "__main__":
    main()
