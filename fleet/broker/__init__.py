"""Mosquitto's configuration: mutual TLS, each device on its own topics, and nothing else."""

import getpass
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

from fleet.config import SettingError, Settings
from fleet.pki.folder import service_name
from fleet.wire import topics
from fleet.wire.files import PRIVATE, write
from fleet.wire.messages import MAX_MESSAGE_BYTES
from fleet.wire.tls import TlsFiles

LARGEST_PACKET = MAX_MESSAGE_BYTES + 1_024
"""With its topic and properties. Whoever sends more is told so by the broker, at once."""

CONFIG = """\
{head}
listener {port} {host}
cafile {ca}
certfile {cert}
keyfile {key}
crlfile {crl}
tls_version tlsv1.2
# Who has no certificate of this authority gets no further than the handshake.
require_certificate true
allow_anonymous false
# The certificate's common name is who it is, whatever the client calls itself.
use_identity_as_username true
use_username_as_clientid true
acl_file {acl}
persistence true
persistence_location {folder}/
autosave_interval 60
max_queued_messages 0
max_inflight_messages 0
max_packet_size {largest}
log_type error
connection_messages false
"""

_OWN_HEAD = """\
# Written by `fleet up` at every start: changes here are lost.
# As the user who started it: started by root it would change to one who may not write here.
user {user}
log_dest stderr"""

ACL = f"""\
# What is not named is refused. %u is the common name of the certificate.
pattern write {topics.ROOT}/up/%u/#
pattern read {topics.ROOT}/down/%u/#

user {service_name("ingest")}
topic read {topics.ROOT}/up/#
topic read {topics.HEARTBEAT}
topic write {topics.ROOT}/down/+/ack

user {service_name("schedule")}
topic write {topics.ROOT}/down/#
topic write {topics.HEARTBEAT}
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a broker listens, and where it finds its files."""

    host: str
    port: int
    folder: Path
    tls: TlsFiles
    crl: Path
    head: str


def configuration(place: Place) -> str:
    return CONFIG.format(
        head=place.head,
        port=place.port,
        host=place.host.strip("[]"),
        ca=place.tls.ca,
        cert=place.tls.cert,
        key=place.tls.key,
        crl=place.crl,
        acl=place.folder / "acl",
        folder=place.folder,
        largest=LARGEST_PACKET,
    )


def mosquitto_command(settings: Settings) -> list[str]:
    """Write the configuration; returns the command. Raises SettingError where Mosquitto is missing.

    The authority must have made its files.
    """
    program = shutil.which("mosquitto") or shutil.which(
        "mosquitto", path="/usr/sbin:/usr/local/sbin"
    )
    if program is None:
        raise SettingError("mosquitto is not installed: run `make setup`, or set FLEET_MQTT_URL")
    folder, pki = settings.data_dir / "broker", settings.pki
    folder.mkdir(mode=0o700, exist_ok=True)
    head = _OWN_HEAD.format(user=getpass.getuser())
    place = Place(
        settings.device_host, settings.mqtt_port, folder, pki.files("server"), pki.crl, head
    )
    # Mosquitto warns of a list that others may read.
    write(folder / "acl", ACL.encode(), PRIVATE)
    config = folder / "mosquitto.conf"
    write(config, configuration(place).encode())
    return [program, "-c", str(config)]


def is_listening(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((host.strip("[]"), port)) == 0
