"""One agent on the machine it runs on, until it is told to stop."""

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from random import SystemRandom
from threading import Event, Thread

from fleet.device.agent import Agent, wall_clock
from fleet.device.apps import AppSpec
from fleet.device.backoff import FIRST_S
from fleet.device.credentials import Credentials
from fleet.device.enrol import keep_renewed
from fleet.device.journal import Journal
from fleet.device.link import MqttLink
from fleet.device.linux import LinuxHardware
from fleet.device.loop import Loop
from fleet.domain.presence import DEFAULT_INTERVAL_S
from fleet.domain.words import DeviceKind
from fleet.wire import topics

log = logging.getLogger(__name__)


def run_agent(
    mqtt_url: str,
    device_id: str,
    state_dir: Path,
    stop: Event,
    *,
    kind: DeviceKind | None = None,
    apps: Sequence[AppSpec] = (),
    interval_s: int = DEFAULT_INTERVAL_S,
) -> None:
    """Report this machine as `device_id` to `mqtts://host:port` until `stop` is set.

    Journal, key and certificate lie in `state_dir`. ValueError for an address or a device id that
    is not one; a broker that cannot be reached is waited for.
    """
    if not topics.is_device_id(device_id):
        raise ValueError(f"not a device id: {device_id!r}")
    tls = Credentials(state_dir, device_id).tls()
    link = MqttLink(device_id, mqtt_url, topics.up(device_id, "state"), tls=tls)
    journal = Journal(state_dir / f"{device_id}.journal", wall_clock())
    rng = SystemRandom()
    agent = Agent(
        device_id,
        link,
        journal,
        LinuxHardware(kind, apps),
        rng=rng,
        interval_s=interval_s,
    )
    log.info("%s reports to %s every %d s", device_id, mqtt_url, interval_s)
    loop = Loop()
    # When the power comes back, the machines of a whole hospital boot in the same second.
    loop.add(agent, link, time.monotonic() + rng.uniform(0, FIRST_S))
    renewing = Thread(target=keep_renewed, args=(state_dir, device_id, stop, wall_clock))
    renewing.start()
    try:
        loop.run(stop)
    finally:
        stop.set()
        renewing.join()
        agent.close()
        loop.close()
