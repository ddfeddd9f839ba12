"""What operators have of a running service: its log, its numbers, its doctor."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

import paho.mqtt.client as mqtt
import pytest
from prometheus_client.parser import text_string_to_metric_families

from fleet import create_worker
from fleet.config import Settings
from fleet.services.api_tokens import create_api_token
from tests.support.broker import Broker
from tests.support.processes import free_port, start, stop
from tests.support.waiting import wait_until

PASSWORD = "canary password"
FORGED = 'x\r\n{"level": "critical", "message": "forged"}\n'


class Service:
    """`fleet up`, with all that it says; a browser that keeps its cookies; a program's token."""

    def __init__(self, folder: Path, mqtt_url: str) -> None:
        self.log, self.output = folder / "log", folder / "output"
        self.environ = {k: v for k, v in os.environ.items() if not k.startswith("FLEET_")} | {
            "FLEET_DATA_DIR": str(folder / "data"),
            "FLEET_HTTP_PORT": str(free_port()),
            "FLEET_EST_PORT": str(free_port()),
            "FLEET_MQTT_URL": mqtt_url,
            "FLEET_LOG": "json",
            "FLEET_LOG_LEVEL": "debug",
        }
        self.cookies = CookieJar()
        self._browser = build_opener(HTTPCookieProcessor(self.cookies))
        with self.log.open("wb") as log, self.output.open("wb") as output:
            command = [sys.executable, "-m", "fleet.cli", "up"]
            self.process = start(command, env=self.environ, stdout=output, stderr=log)

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "fleet.cli", *words],
            env=self.environ, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    def ask(self, path: str, form: dict[str, str] | None = None, **headers: str) -> tuple[int, str]:
        data = urlencode(form).encode() if form else None
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"http://127.0.0.1:{self.environ['FLEET_HTTP_PORT']}{path}"
        try:
            with self._browser.open(Request(url, data, headers), timeout=10) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def token(self, scope: str) -> str:
        with create_worker(Settings.from_env(self.environ)).app_context():
            return create_api_token(scope, [scope], None, "test", datetime.now(UTC))

    def lines(self) -> list[dict[str, Any]]:
        """Each line of the log is a JSON object: what is none fails here."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("operation")
    broker = Broker(folder)
    broker.start()
    with_password = broker.url.replace("://", "://service:canary-of-mqtt@")
    service = Service(folder, with_password)
    try:
        wait_until(lambda: service.ask("/readyz")[0] == 200, timeout=40, interval=0.1)
        wait_until(lambda: "Ctrl-C" in service.output.read_text())
        yield service
    finally:
        stop(service.process, timeout=30)
        broker.stop()


def test_the_doctor_finds_nothing_on_a_service_that_runs_and_is_backed_up(service: Service) -> None:
    # Each job is on time, the message went round, each process has written its row.
    for preparation in ("backup", "drill"):
        assert service.command(preparation).returncode == 0
    said = service.command("doctor", "--json")
    findings = json.loads(said.stdout)["checks"]
    assert [f for f in findings if f["level"] != "ok"] == []
    assert said.returncode == 0
    [names] = [f["found"] for f in findings if f["name"] == "processes"]
    assert re.findall(r"\b(ingest|schedule|web) ", names) == ["ingest", "schedule", "web", "web"]


def test_prometheus_reads_the_numbers_of_all_processes_from_any_of_them(service: Service) -> None:
    token = service.token("metrics")

    def processes_of(name: str) -> set[str]:
        status, text = service.ask("/metrics", Authorization=f"Bearer {token}")
        assert status == 200
        families = text_string_to_metric_families(text)
        return {s.labels["process"] for f in families for s in f.samples if s.name == name}

    wait_until(lambda: processes_of("process_cpu_seconds_total") == {"ingest", "schedule", "web"})
    wait_until(lambda: processes_of("wardfleet_ingest_messages_total") == {"ingest"})
    assert processes_of("wardfleet_outbox_taken_total") == {"schedule"}
    wait_until(lambda: processes_of("wardfleet_http_request_seconds_count") == {"web"})


def form(page: str, **values: str) -> dict[str, str]:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    return {"csrf_token": found[1], **values}


def test_the_log_is_one_object_a_line_and_knows_no_secret(service: Service) -> None:
    """Everything secret that goes through the service, sought in everything that it says."""
    link = re.search(r"/setup/(\S+)", service.output.read_text())
    assert link
    setup = f"/setup/{link[1]}"
    filled = form(service.ask(setup)[1], username="ada", password=PASSWORD, again=PASSWORD)
    assert service.ask(setup, filled)[0] == 200
    assert service.ask(f"{setup}/elsewhere")[0] == 404
    login = form(service.ask("/it")[1])["csrf_token"]
    [session] = [c.value for c in service.cookies if c.name == "wardfleet_session"]
    wrong = {"csrf_token": login, "username": "ada", "password": "canary-wrong"}
    assert service.ask("/login", wrong)[0] == 401
    token = service.token("read")
    assert service.ask("/api/v1/devices", Authorization=f"Bearer {token}")[0] == 200
    assert service.ask("/api/v1/devices", Authorization="Bearer canary-wf_none")[0] == 401
    assert service.ask("/it/devices?q=canary-patient", X_Request_ID="the-one-4711")[0] == 200
    service.ask("/made-up/%0d%0aforged")
    device = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "cart-1")
    device.connect("127.0.0.1", int(service.environ["FLEET_MQTT_URL"].rpartition(":")[2]))
    device.loop_start()
    device.publish(f"fleet/v1/up/{FORGED}/telemetry", FORGED, qos=1).wait_for_publish(5)
    device.loop_stop()
    device.disconnect()
    wait_until(lambda: any(line.get("request_id") == "the-one-4711" for line in service.lines()))

    lines = service.lines()
    assert {"ts", "level", "logger", "message", "process", "instance"} <= set.intersection(
        *(set(line) for line in lines)
    )
    assert {"web", "ingest", "schedule"} <= {line["process"] for line in lines}
    assert not [line for line in lines if line["message"] == "forged"]
    text = service.log.read_text()
    for secret in ("canary", PASSWORD, link[1], session, token, login):
        assert secret not in text
