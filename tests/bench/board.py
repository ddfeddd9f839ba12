"""How long from a device's publish to the changed board in the browser: `make bench-board`.

The demo hospital reports beside it (48 carts, 72 tablets). One more cart publishes a new charge at
random moments; its ack and the change of its card in Chromium are timed by clocks of one machine.
"""

import json
import random
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from playwright.sync_api import Page, sync_playwright

from fleet import create_worker
from fleet.config import Settings
from fleet.services.register_devices import NewDevice, register_devices
from tests.support.broker import Broker
from tests.support.browser import launch
from tests.support.hospital import reading, telemetry
from tests.support.processes import free_port, start, stop
from tests.support.waiting import wait_until

SAMPLES = 200
CART = "cart-900"
WATCH = """() => {
  window.changes = {};
  const note = () => {
    const charge = document.querySelector("#card-CART-900 [data-part='charge'] b");
    if (charge) window.changes[charge.textContent] ??= Date.now() / 1000;
  };
  new MutationObserver(note).observe(document.body,
    {subtree: true, childList: true, characterData: true, attributes: true});
}"""


class Cart:
    """A bare MQTT client: it notes when each of its readings is acked."""

    def __init__(self, url: str) -> None:
        self.acked: dict[int, float] = {}
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, CART)
        self._client.on_message = self._on_ack
        parts = urlsplit(url)
        self._client.connect(parts.hostname or "", parts.port or 0)
        self._client.loop_start()
        wait_until(self._client.is_connected)
        self._client.subscribe(f"fleet/v1/down/{CART}/ack", qos=1)

    def publish(self, seq: int, soc: int) -> float:
        body = telemetry(reading(seq, soc=soc, at=datetime.now(UTC)))
        sent = time.time()
        self._client.publish(f"fleet/v1/up/{CART}/telemetry", json.dumps(body), qos=1)
        return sent

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_ack(self, _client: Any, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        for first, last in json.loads(message.payload)["ranges"]:
            for seq in range(first, last + 1):
                self.acked.setdefault(seq, time.time())


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        environ = {
            "FLEET_DATA_DIR": f"{folder}/data",
            "FLEET_HTTP_PORT": str(free_port()),
            "FLEET_EST_PORT": str(free_port()),
            "FLEET_MQTT_PORT": str(free_port()),
            "PATH": "/usr/bin:/bin",
        }
        (broker := Broker(Path(folder))).start()
        environ["FLEET_MQTT_URL"] = broker.url  # the cart measures our way, not its handshake
        settings = Settings.from_env(environ)
        greeting = Path(folder) / "greeting.txt"
        with greeting.open("wb") as output:
            command = [sys.executable, "-m", "fleet.cli", "up", "--demo"]
            service = start(command, env=environ, stdout=output)
        try:
            link = wait_until(
                lambda: re.search(r"(http\S+)/setup/", greeting.read_text()), timeout=60
            )
            with create_worker(settings).app_context():
                new = NewDevice("CART-900", "medication_cart", "ward-2a")
                register_devices([new], "bench", datetime.now(UTC))
            with sync_playwright() as playwright:
                page = launch(playwright).new_page()
                page.goto(f"{link[1]}/wards/ward-2a")
                _report(*_measure(page, Cart(settings.mqtt_url)))
        finally:
            stop(service, timeout=30)
            broker.stop()


def _measure(page: Page, cart: Cart) -> tuple[list[float], list[float]]:
    """Seconds from publish to ack, and from publish to the changed card, one each a sample."""
    rng = random.Random(1)
    acks, boards = [], []
    page.evaluate(WATCH)
    for seq in range(1, SAMPLES + 1):
        page.evaluate("window.changes = {}")
        soc = 60 + seq % 40
        page.wait_for_timeout(rng.uniform(0, 1_000))
        sent = cart.publish(seq, soc)
        changed = wait_until(
            lambda soc=soc: page.evaluate(f"window.changes['{soc}']"), interval=0.05
        )
        boards.append(changed - sent)
        acks.append(wait_until(lambda seq=seq: cart.acked.get(seq)) - sent)
    cart.close()
    return acks, boards


def _report(acks: Sequence[float], boards: Sequence[float]) -> None:
    print("| from a device's publish to | p50 | p99 | most |")
    print("|---|---|---|---|")
    for name, seconds in (("its ack", acks), ("the changed board in the browser", boards)):
        ranked = sorted(seconds)
        p50, p99 = ranked[len(ranked) // 2], ranked[int(len(ranked) * 0.99) - 1]
        print(
            f"| {name} | {p50 * 1000:.0f} ms | {p99 * 1000:.0f} ms | {ranked[-1] * 1000:.0f} ms |"
        )


if __name__ == "__main__":
    main()
