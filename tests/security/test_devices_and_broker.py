"""Controls 1 to 4 and 6: who gets as far as the broker, and how."""

import ssl
from datetime import UTC, datetime
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from fleet.dispatch.publisher import end_session
from fleet.pki.authority import Revoked
from tests.support.secured import (
    LONG_AGO,
    PATIENCE_S,
    Secured,
    answer,
    foreign_authority,
    serial_of,
    without_certificate,
)
from tests.support.waiting import wait_until


def test_control_01_who_has_no_certificate_is_refused(secured: Secured) -> None:
    tls = secured.device("cart-001")
    assert answer(secured.port, tls.context()) == "accepted"
    assert "handshake failure" in answer(secured.port, without_certificate(tls))


def test_control_02_a_certificate_of_another_authority_is_refused(
    secured: Secured, tmp_path: Path
) -> None:
    foreign = secured.device("cart-001", by=foreign_authority(tmp_path / "foreign"))
    assert "unknown ca" in answer(secured.port, foreign.context())


def test_control_03_a_revoked_certificate_is_refused_and_its_live_session_ends(
    secured: Secured,
) -> None:
    stolen, other = secured.device("cart-001"), secured.device("cart-002")
    live = connected(secured, "cart-001", stolen.context())
    now = datetime.now(UTC)
    secured.settings.pki.write_crl(secured.authority, [Revoked(serial_of(stolen), now)], now)
    wait_until(lambda: "revoked" in answer(secured.port, stolen.context(), "cart-009"), 60)
    assert answer(secured.port, other.context(), "cart-002") == "accepted"
    end_session(secured.url, "cart-001", secured.device("cart-001", place="evict"), PATIENCE_S)
    wait_until(lambda: not live.is_connected(), 60, what="the live session to end")
    live.loop_stop()


def test_control_04_an_expired_certificate_is_refused(secured: Secured) -> None:
    expired = secured.device("cart-001", at=datetime.now(UTC) - LONG_AGO)
    assert "expired" in answer(secured.port, expired.context())


def test_control_06_tls_1_1_is_refused(secured: Secured) -> None:
    tls = secured.device("cart-001")
    old = without_certificate(tls)
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        old.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    assert "protocol version" in answer(secured.port, old)


def connected(secured: Secured, device_id: str, context: ssl.SSLContext) -> mqtt.Client:
    """A client that does not come back by itself."""
    client = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2,
        device_id,
        protocol=mqtt.MQTTv5,
        reconnect_on_failure=False,
    )
    client.tls_set_context(context)
    client.connect("127.0.0.1", secured.port)
    client.loop_start()
    wait_until(client.is_connected)
    return client
