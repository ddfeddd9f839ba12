"""What `fleet broker config --for emqx` writes: EMQX itself cannot be started here."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fleet.broker import LARGEST_PACKET
from fleet.wire.messages import MAX_MESSAGE_BYTES

URL = "http://pki.example/crl.pem"


def configure(folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fleet.cli", "broker", "config", str(folder / "emqx"),
               "--for", "emqx", "--name", "broker.example", "--at", "/etc/wf"]  # fmt: skip
    environ |= {"FLEET_DATA_DIR": str(folder / "data")}
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    done = configure(tmp_path, FLEET_CRL_URL=URL)
    assert done.returncode == 0, done.stderr
    assert f"serve {tmp_path}/emqx/crl.pem at {URL}" in done.stdout
    return tmp_path / "emqx"


@pytest.fixture
def settings(folder: Path) -> dict[str, Any]:
    return hocon((folder / "wardfleet.hocon").read_text())


def hocon(text: str) -> dict[str, Any]:
    """As much of HOCON as is written: blocks, dotted keys, lists over several lines, one-line
    values. Raises ValueError for anything else.
    """
    lines = (re.sub(r"^\s*#.*", "", line).strip() for line in text.splitlines())
    tokens = [line for line in lines if line]
    found, rest = _block(tokens, "")
    if rest:
        raise ValueError(rest)
    return found


def _block(tokens: list[str], end: str) -> tuple[dict[str, Any], list[str]]:
    found: dict[str, Any] = {}
    while tokens and tokens[0] != end:
        head, *tokens = tokens
        if opened := re.fullmatch(r"([\w.]+) \{", head):
            value: Any
            value, tokens = _block(tokens, "}")
            tokens = tokens[1:]
        elif opened := re.fullmatch(r"([\w.]+) = \[", head):
            value = []
            while tokens[0] == "{":
                item, tokens = _block(tokens[1:], "}")
                value.append(item)
                tokens = tokens[1:]
            if tokens[0] != "]":
                raise ValueError(tokens[0])
            tokens = tokens[1:]
        elif opened := re.fullmatch(r"([\w.]+) = (\S.*)", head):
            value = opened[2]
        else:
            raise ValueError(head)
        found |= (
            {f"{opened[1]}.{k}": v for k, v in value.items()}
            if isinstance(value, dict)
            else {opened[1]: value}
        )
    if end and not tokens:
        raise ValueError(f"no {end}")
    return found, tokens


def test_who_has_no_certificate_of_ours_is_not_let_in(settings: dict[str, Any]) -> None:
    tls = "listeners.ssl.wardfleet.ssl_options"
    assert settings[f"{tls}.verify"] == "verify_peer"
    assert settings[f"{tls}.fail_if_no_peer_cert"] == "true"
    assert settings[f"{tls}.cacertfile"] == '"/etc/wf/ca.crt"'
    assert settings[f"{tls}.versions"] == '["tlsv1.3", "tlsv1.2"]'
    assert settings["listeners.ssl.wardfleet.bind"] == '"0.0.0.0:8883"'


def test_revoked_certificates_are_asked_after_as_often_as_emqx_can(
    settings: dict[str, Any],
) -> None:
    assert settings["listeners.ssl.wardfleet.ssl_options.enable_crl_check"] == "true"
    assert settings["crl_cache.refresh_interval"] == "1m"


def test_nothing_else_listens(settings: dict[str, Any]) -> None:
    for kind in ("tcp", "ws", "ssl", "wss"):
        assert settings[f"listeners.{kind}.default.enable"] == "false"
    bound = [name for name in settings if name.endswith(".bind")]
    assert bound == ["listeners.ssl.wardfleet.bind"]


def test_who_somebody_is_the_certificate_says(settings: dict[str, Any]) -> None:
    assert settings["mqtt.peer_cert_as_username"] == "cn"
    assert settings["mqtt.peer_cert_as_clientid"] == "cn"


def test_what_the_service_needs_is_allowed(settings: dict[str, Any]) -> None:
    for name in ("mqtt.retain_available", "mqtt.shared_subscription", "mqtt.wildcard_subscription",
                 "retainer.enable"):  # fmt: skip
        assert settings[name] == "true", name
    size = re.fullmatch(r"(\d+)KB", settings["mqtt.max_packet_size"])
    assert size
    assert int(size[1]) * 1024 == LARGEST_PACKET > MAX_MESSAGE_BYTES


def test_what_no_rule_names_is_refused(settings: dict[str, Any], folder: Path) -> None:
    assert settings["authorization.no_match"] == "deny"
    assert settings["authorization.sources"] == [
        {"type": "file", "enable": "true", "path": '"/etc/wf/acl.conf"'}
    ]
    ingest, schedule = (f'{{username, "wardfleet.{name}"}}' for name in ("ingest", "schedule"))
    heartbeat = '"fleet/v1/service/heartbeat"'
    rules = [line for line in (folder / "acl.conf").read_text().splitlines() if line[0] != "%"]
    assert rules == [
        f'{{allow, {ingest}, subscribe, ["fleet/v1/up/#", {heartbeat}]}}.',
        f'{{allow, {ingest}, publish, ["fleet/v1/down/+/ack"]}}.',
        f'{{allow, {schedule}, publish, ["fleet/v1/down/#", {heartbeat}]}}.',
        '{allow, all, publish, ["fleet/v1/up/${username}/#"]}.',
        '{allow, all, subscribe, ["fleet/v1/down/${username}/#"]}.',
        "{deny, all}.",
    ]


def test_keys_are_readable_by_their_user_alone(folder: Path) -> None:
    assert (folder / "server.pem").stat().st_mode & 0o077 == 0


def test_without_an_address_of_the_list_nothing_is_written(tmp_path: Path) -> None:
    """EMQX would let revoked devices in."""
    done = configure(tmp_path)
    assert done.returncode != 0
    assert "FLEET_CRL_URL: must be set for EMQX" in done.stderr
    assert not (tmp_path / "emqx").exists()
