"""The broker as `fleet up` runs it, and certificates of every kind for it."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

from cryptography import x509

from fleet.config import Settings
from fleet.device.credentials import Credentials
from fleet.pki.authority import Authority
from fleet.pki.folder import Folder
from fleet.services.certify_devices import certify_devices
from fleet.supervisor import Supervisor
from fleet.up import mosquitto
from fleet.wire.tls import TlsFiles
from tests.support import mqtt5
from tests.support.processes import ensure_installed, free_port

PATIENCE_S = 5.0


class Secured:
    """`settings` are those of the service's processes."""

    def __init__(self, settings: Settings, authority: Authority) -> None:
        self.settings, self.authority = settings, authority
        self.url, self.port = settings.mqtt_url, settings.mqtt_port

    def device(
        self,
        device_id: str,
        *,
        by: Authority | None = None,
        at: datetime | None = None,
        place: str = "devices",
    ) -> TlsFiles:
        """A key of its own, and a certificate for it, as good as the authority and the time are."""
        credentials = Credentials(self.settings.data_dir / place, device_id)
        request = credentials.request()
        signed = (by or self.authority).sign_client(
            request.public_key(), device_id, at or datetime.now(UTC)
        )
        credentials.keep([signed], self.settings.pki.ca.read_bytes())
        tls = credentials.tls()
        assert tls
        return tls

    def recorded(self, device_id: str) -> TlsFiles:
        """One that the service knows of, as after an enrolment. In the application's context."""
        credentials = Credentials(self.settings.data_dir / "devices", device_id)
        requests = {device_id: credentials.request()}
        signed = certify_devices(self.authority, requests, "test", datetime.now(UTC))
        credentials.keep([signed[device_id]], self.settings.pki.ca.read_bytes())
        tls = credentials.tls()
        assert tls
        return tls


@contextmanager
def secured_broker(folder: Path, database_url: str) -> Iterator[Secured]:
    """Under the supervisor, which tells it of every new revocation list."""
    ensure_installed("mosquitto")
    settings = Settings.from_env(
        {
            "FLEET_DATABASE_URL": database_url,
            "FLEET_DATA_DIR": str(folder / "data"),
            "FLEET_MQTT_PORT": str(free_port()),
            "FLEET_EST_PORT": str(free_port()),
        }
    )
    settings.make_data_dir()
    authority = settings.pki.make(settings.server_names(), datetime.now(UTC))
    supervisor, stop = Supervisor([mosquitto(settings)]), Event()
    assert supervisor.start(stop) == []
    watching = Thread(target=supervisor.watch, args=(stop,))
    watching.start()
    try:
        yield Secured(settings, authority)
    finally:
        stop.set()
        watching.join()
        supervisor.shut_down()


def foreign_authority(folder: Path) -> Authority:
    """Another installation's."""
    return Folder(folder).make(["localhost"], datetime.now(UTC))


def serial_of(tls: TlsFiles) -> int:
    assert tls.cert
    return x509.load_pem_x509_certificate(tls.cert.read_bytes()).serial_number


def answer(port: int, context: ssl.SSLContext, client_id: str = "cart-001") -> str:
    """What comes of a CONNECT: `accepted`, `refused`, or why there is no connection.

    By TLS 1.2 at most, in which the broker says why before the client may speak; in TLS 1.3 its
    alert races with the client's first words.
    """
    if context.maximum_version is ssl.TLSVersion.MAXIMUM_SUPPORTED:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    will = mqtt5.Will(f"fleet/v1/up/{client_id}/state", b"{}", 0)
    try:
        with (
            socket.create_connection(("127.0.0.1", port), PATIENCE_S) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as safe,
        ):
            safe.sendall(mqtt5.connect(client_id, will, 0, 30))
            said = bytearray(safe.recv(1024))
    except OSError as error:
        return str(error)
    heard = next(mqtt5.packets(said), None)
    if heard is None:
        return "hung up"
    return "accepted" if mqtt5.is_accepted(heard) else "refused"


def without_certificate(tls: TlsFiles) -> ssl.SSLContext:
    return TlsFiles(tls.ca).context()


LONG_AGO = timedelta(days=100)
