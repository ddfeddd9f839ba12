"""The broker: reached, able to do what the service needs, and by what way."""

from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

from sqlalchemy import make_url

from fleet.config import SettingError
from fleet.dispatch.publisher import ask_broker
from fleet.doctor.case import Case
from fleet.doctor.finding import Finding, fail, ok, warn
from fleet.wire.messages import MAX_MESSAGE_BYTES

PATIENCE_S = 5.0
SESSION_S = 3_600
"""So long a broker should keep what arrives while ingest restarts."""
SAFE_SSL_MODES = ("verify-ca", "verify-full")


def broker(case: Case) -> Iterator[Finding]:
    parts = urlsplit(case.settings.mqtt_url)
    where = f"{parts.hostname}:{parts.port or (8883 if parts.scheme == 'mqtts' else 1883)}"
    try:
        tls = case.settings.mqtt_tls("doctor")
        it = ask_broker(case.settings.mqtt_url, SESSION_S, PATIENCE_S, tls)
    except (OSError, SettingError) as error:
        do = "See that it runs, and that FLEET_MQTT_URL names it."
        if case.settings.own_broker:
            do = "Start it with `fleet up`, and see what that says of mosquitto."
        yield fail("broker", f"no MQTT 5 broker at {where}: {error}", do)
        return
    if it.refused:
        do = "See the user and the password in FLEET_MQTT_URL, and the broker's log."
        yield fail("broker", f"{where} refuses the service: {it.refused}", do)
        return
    needed = {
        "QoS 1": it.max_qos >= 1,
        "retained messages": it.retain,
        "shared subscriptions": it.shared_subscriptions,
        f"messages of {MAX_MESSAGE_BYTES} bytes": (it.max_packet_bytes or 2**28)
        > MAX_MESSAGE_BYTES,
        f"sessions of {SESSION_S} s": it.session_expiry_s in (None, SESSION_S),
    }
    missing = [what for what, is_there in needed.items() if not is_there]
    if missing:
        yield fail("broker", f"{where} does not allow {', '.join(missing)}", "Allow it there.")
    else:
        limit = (
            f"{it.max_packet_bytes} bytes a packet" if it.max_packet_bytes else "no packet limit"
        )
        yield ok("broker", f"MQTT 5 at {where}, {limit}, {it.receive_maximum} in flight")


def certificates(case: Case) -> Iterator[Finding]:
    """What leaves this machine in plain text."""
    settings = case.settings
    for name, host, do in (
        ("broker", _plain_broker_host(settings.mqtt_url), "Say mqtts:// in FLEET_MQTT_URL."),
        ("pages", None if settings.http_tls() else settings.http_host, ""),
        ("database", _unsafe_database_host(settings.database_url),
         "Add ?sslmode=verify-full to FLEET_DATABASE_URL."),
    ):  # fmt: skip
        if host is None or _is_here(host):
            yield ok(f"certificates {name}", "plain text on this machine alone, or TLS")
        else:
            yield warn(f"certificates {name}", f"plain text at {host}", do)


def _plain_broker_host(url: str) -> str | None:
    parts = urlsplit(url)
    return None if parts.scheme == "mqtts" else parts.hostname


def _unsafe_database_host(url: str) -> str | None:
    """Another machine, if what is sent there may be read on the way."""
    parts = make_url(url)
    mode = parts.normalized_query.get("sslmode", ("prefer",))[-1]
    return None if mode in SAFE_SSL_MODES else parts.host


def _is_here(host: str) -> bool:
    """Loopback, or a path: a socket of this machine."""
    if host == "localhost" or host.startswith("/"):
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
