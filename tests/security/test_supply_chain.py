"""Control 46: what Wardfleet is made of is told, and a part that is known to be vulnerable fails.

The advisories come from a server of the test's own, which speaks as OSV and npm's registry do: a
test must not depend on what is known today. `make audit` without it asks the real ones.
"""

import gzip
import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.support.processes import ROOT

pytestmark = pytest.mark.timeout(400)  # the first one installs the tools

Advisories = dict[str, str]
"""By the name of a package: what is known of it."""


def make(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "-s", *arguments], cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, **environ},
    )  # fmt: skip


@pytest.fixture(scope="module")
def sbom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sbom")
    done = make("sbom", f"SBOM={folder}")
    assert done.returncode == 0, done.stderr
    return folder


def components(file: Path) -> set[tuple[str, str]]:
    found = json.loads(file.read_text())
    assert found["bomFormat"] == "CycloneDX"
    return {(part["purl"].split("@")[0].split("/")[-1], part["version"])
            for part in found["components"]}  # fmt: skip


def test_control_46_the_sbom_names_every_package_that_is_installed(sbom: Path) -> None:
    locked = re.findall(r"^([a-z0-9._-]+)==([^ \\;]+)", _read("requirements.txt"), re.MULTILINE)
    assert len(locked) > 30
    assert components(sbom / "python.cdx.json") == set(locked)


def test_control_46_the_sbom_names_every_package_of_the_front_end(sbom: Path) -> None:
    packages = json.loads(_read("package-lock.json"))["packages"]
    told = components(sbom / "front-end.cdx.json")
    for path, package in packages.items():
        if path:
            assert (path.split("/")[-1], package["version"]) in told, path


@pytest.mark.parametrize(
    ("known", "named"),
    [
        ({}, None),
        ({"werkzeug": "a made-up fault"}, "werkzeug"),
        ({"idiomorph": "a made-up fault"}, "idiomorph"),
    ],
)
def test_control_46_a_package_known_to_be_vulnerable_fails_the_audit(
    known: Advisories, named: str | None
) -> None:
    with advisories(known) as address:
        done = make(
            "audit",
            f"AUDIT_ARGS=-s osv --osv-url {address}/v1/query --progress-spinner off",
            npm_config_registry=address,
        )
    told = done.stdout + done.stderr
    assert (done.returncode == 0) == (named is None), told
    if named:
        assert named in told


@contextmanager
def advisories(known: Advisories) -> Iterator[str]:
    """The address of a server that knows of these faults and no others."""

    class Knowing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self._body() or b"{}")
            answer = _osv(asked, known) if self.path == "/v1/query" else _npm(asked, known)
            content = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _body(self) -> bytes:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            return gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Knowing)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _osv(asked: dict[str, Any], known: Advisories) -> dict[str, Any]:
    name = asked["package"]["name"].lower()
    if name not in known:
        return {}
    affected = {
        "package": {"name": name, "ecosystem": "PyPI"},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}],
    }
    return {"vulns": [{"id": "TEST-2026-1", "summary": known[name], "details": known[name],
                       "affected": [affected], "modified": "2026-01-01T00:00:00Z"}]}  # fmt: skip


def _npm(asked: dict[str, Any], known: Advisories) -> dict[str, Any]:
    return {
        name: [{"id": 1, "url": "https://example.org", "title": known[name], "severity": "high",
                "vulnerable_versions": "*", "cwe": [], "cvss": {"score": 9, "vectorString": ""}}]
        for name in asked if name in known
    }  # fmt: skip


def _read(name: str) -> str:
    return (ROOT / name).read_text()
