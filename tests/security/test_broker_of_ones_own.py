"""`fleet broker config`: a Mosquitto of one's own is as strict as the private one."""

import getpass
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fleet.config import Settings
from fleet.device.credentials import Credentials
from fleet.dispatch.publisher import ask_broker
from fleet.pki.authority import Revoked
from tests.support.processes import answers, ensure_installed, free_port, start, stop
from tests.support.secured import answer, without_certificate
from tests.support.waiting import wait_until


def environ(folder: Path) -> dict[str, str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("FLEET_")}
    return clean | {"FLEET_DATA_DIR": str(folder / "data")}


def command(folder: Path, *options: object) -> list[str]:
    start = (sys.executable, "-m", "fleet.cli", "broker", "config", folder / "mosquitto")
    return list(map(str, (*start, *options)))


def configure(folder: Path, *options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(folder, *options), env=environ(folder), capture_output=True, text=True, check=False
    )


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Its port, once it runs with what the command wrote, included in its own configuration."""
    ensure_installed("mosquitto")
    port = free_port()
    done = configure(tmp_path, "--name", "127.0.0.1", "--port", port, "--listen", "127.0.0.1")
    assert done.returncode == 0, done.stderr
    assert f"FLEET_MQTT_URL=mqtts://127.0.0.1:{port}" in done.stdout
    own = tmp_path / "own.conf"
    own.write_text(
        f"user {getpass.getuser()}\npid_file {tmp_path}/mosquitto.pid\n"
        f"include_dir {tmp_path}/mosquitto/conf.d\n"
    )
    path = f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin"
    process = start([shutil.which("mosquitto", path=path) or "", "-c", own])
    wait_until(lambda: process.poll() is not None or answers(port), what="Mosquitto to listen")
    yield port
    stop(process)


def test_the_service_and_devices_are_let_in_and_nobody_else(tmp_path: Path, port: int) -> None:
    url = f"mqtts://127.0.0.1:{port}"
    settings = Settings.from_env({"FLEET_DATA_DIR": str(tmp_path / "data"), "FLEET_MQTT_URL": url})
    tls = settings.mqtt_tls("doctor")
    assert tls
    assert ask_broker(url, 60, 5, tls).refused is None
    credentials = Credentials(tmp_path / "device", "cart-001")
    signed = settings.pki.authority().sign_client(
        credentials.request().public_key(), "cart-001", datetime.now(UTC)
    )
    credentials.keep([signed], settings.pki.ca.read_bytes())
    device = credentials.tls()
    assert device
    assert answer(port, device.context()) == "accepted"
    assert "handshake failure" in answer(port, without_certificate(device))


def test_a_name_that_is_none_is_named(tmp_path: Path) -> None:
    done = configure(tmp_path, "--name", "not a host")
    assert done.returncode != 0
    assert "not a host: must be a host name or an address" in done.stderr
    assert not (tmp_path / "mosquitto").exists()


def test_paths_are_those_of_the_brokers_machine(tmp_path: Path) -> None:
    assert configure(tmp_path, "--name", "broker.example", "--at", "/etc/wf").returncode == 0
    written = (tmp_path / "mosquitto" / "conf.d" / "wardfleet.conf").read_text()
    assert "keyfile /etc/wf/server.pem" in written
    assert str(tmp_path) not in written
    assert (tmp_path / "mosquitto" / "server.pem").stat().st_mode & 0o077 == 0


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_second_run_changes_nothing_and_tells_nobody(tmp_path: Path) -> None:
    told = tmp_path / "told"
    options = ("--name", "broker.example", "--then", f"echo told >> {told}")
    for _ in range(2):
        assert configure(tmp_path, *options).returncode == 0
        before = contents(tmp_path / "mosquitto")
    assert contents(tmp_path / "mosquitto") == before
    assert told.read_text() == "told\n"


def test_what_is_due_or_has_changed_is_handed_over_until_that_succeeds(tmp_path: Path) -> None:
    there, told = tmp_path / "there", tmp_path / "told"
    options = ("--name", "broker.example", "--then", f"test -e {there} && echo told >> {told}")
    failed = configure(tmp_path, *options)
    assert failed.returncode != 0
    assert "--then: ended with status 1; it is tried again" in failed.stderr
    there.touch()
    assert configure(tmp_path, *options).returncode == 0
    first = (tmp_path / "mosquitto" / "server.pem").read_bytes()
    others = ("--name", "other.example", *options)
    assert configure(tmp_path, *others).returncode == 0
    assert (tmp_path / "mosquitto" / "server.pem").read_bytes() != first
    assert told.read_text() == "told\ntold\n"


def test_a_watched_folder_brings_a_revocation_to_the_broker(tmp_path: Path, port: int) -> None:
    settings = Settings.from_env({"FLEET_DATA_DIR": str(tmp_path / "data")})
    authority, now = settings.pki.authority(), datetime.now(UTC)
    credentials = Credentials(tmp_path / "device", "cart-001")
    signed = authority.sign_client(credentials.request().public_key(), "cart-001", now)
    credentials.keep([signed], settings.pki.ca.read_bytes())
    device = credentials.tls()
    assert device
    reload = f"kill -HUP $(cat {tmp_path}/mosquitto.pid)"
    watching = start(
        command(tmp_path, "--name", "127.0.0.1", "--port", port, "--listen", "127.0.0.1",
                "--watch", "--then", reload),
        env=environ(tmp_path),
    )  # fmt: skip
    try:
        settings.pki.write_crl(authority, [Revoked(signed.serial_number, now)], now)
        wait_until(lambda: "revoked" in answer(port, device.context()), 60)
    finally:
        stop(watching)


def test_watching_without_anybody_to_tell_is_an_error(tmp_path: Path) -> None:
    done = configure(tmp_path, "--name", "broker.example", "--watch")
    assert done.returncode != 0
    assert "--watch: must come with --then" in done.stderr
