"""Settings of a hospital whose broker does not answer, for tests that need none."""

from dataclasses import replace

from fleet.config import Settings
from tests.support.processes import free_port


def nobody(settings: Settings) -> Settings:
    """In plain text: a service that speaks TLS looks for its certificate first."""
    return replace(settings, mqtt_url=f"mqtt://127.0.0.1:{free_port()}")
