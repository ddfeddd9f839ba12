"""The private Mosquitto of one machine: its configuration, and where its program is."""

import getpass
import shutil
import socket

from fleet.config import SettingError, Settings
from fleet.wire.messages import MAX_MESSAGE_BYTES

LARGEST_PACKET = MAX_MESSAGE_BYTES + 1_024
"""With its topic and properties. Whoever sends more is told so by the broker, at once."""

_CONFIG = """\
# Written by `fleet up` at every start: changes here are lost.
# As the user who started it: started by root it would change to one who may not write here.
user {user}
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {folder}/
autosave_interval 60
max_queued_messages 0
max_inflight_messages 0
max_packet_size {largest}
log_dest stderr
log_type error
connection_messages false
"""


def mosquitto_command(settings: Settings) -> list[str]:
    """Write the configuration; returns the command. Raises SettingError where Mosquitto is missing.

    It listens on loopback only, until devices have certificates.
    """
    program = shutil.which("mosquitto") or shutil.which(
        "mosquitto", path="/usr/sbin:/usr/local/sbin"
    )
    if program is None:
        raise SettingError("mosquitto is not installed: run `make setup`, or set FLEET_MQTT_URL")
    folder = settings.data_dir / "broker"
    folder.mkdir(exist_ok=True)
    config = folder / "mosquitto.conf"
    config.write_text(
        _CONFIG.format(
            user=getpass.getuser(),
            port=settings.mqtt_port,
            folder=folder,
            largest=LARGEST_PACKET,
        )
    )
    return [program, "-c", str(config)]


def is_listening(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((host, port)) == 0
