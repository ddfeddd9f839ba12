"""The setting of where webhooks may lead inside the hospital, read strictly."""

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

from fleet.domain.webhooks.addresses import PRIVATE, Allowed, Network
from fleet.environment import SettingError, is_host

_NAME = "FLEET_WEBHOOK_HOSTS"


def from_env(environ: Mapping[str, str]) -> Allowed:
    """Host names, private addresses and private networks, with commas between.

    Raises SettingError.
    """
    names, networks = set(), []
    for part in (part.strip() for part in (environ.get(_NAME) or "").split(",")):
        if not part:
            continue
        network = _network(part)
        if network is not None and _is_private(network):
            networks.append(network)
        elif network is None and is_host(part) and not part.endswith("localhost"):
            names.add(part.lower())
        else:
            raise SettingError(
                f"{_NAME}={part}: must be host names, private addresses and private networks with "
                "commas between, like tickets.hospital.example,10.1.2.3,192.168.7.0/24; nothing of "
                "this machine itself"
            )
    return Allowed(frozenset(names), tuple(networks))


def _network(text: str) -> Network | None:
    try:
        return ip_network(text.strip("[]"))
    except ValueError:
        return None


def _is_private(network: Any) -> bool:
    return any(network.version == each.version and network.subnet_of(each) for each in PRIVATE)
