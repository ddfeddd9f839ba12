"""The raw receive ceiling: paho as it comes, a manual PUBACK for each message, nothing stored."""

import sys
import time
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.bench.load import Progress


def main(port: int, progress: Progress) -> None:
    received = 0

    def on_message(client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        nonlocal received
        received += 1
        client.ack(message.mid, message.qos)
        if received % 50 == 0:
            progress.count = received

    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5, manual_ack=True)
    client.on_message = on_message
    client.on_connect = lambda *_: client.subscribe("fleet/v1/up/+/#", qos=1)
    properties = Properties(PacketTypes.CONNECT)
    properties.ReceiveMaximum = 2_000
    client.connect("127.0.0.1", port, properties=properties)
    client.loop_start()
    while True:  # until it is ended
        time.sleep(1)


if __name__ == "__main__":
    main(int(sys.argv[1]), Progress(sys.argv[2]))
