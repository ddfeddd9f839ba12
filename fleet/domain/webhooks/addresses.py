"""Where a webhook may lead: what somebody enters here, the service itself calls.

So it must lead to nothing that only the service reaches: not to this machine, not to its network's
own parts, not to a cloud's metadata, and to the hospital's private network only where a setting
names the host. It is judged by the address to which the connection is made, never by the name.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

PRIVATE: tuple[Network, ...] = tuple(
    map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"))
)
"""What may be allowed (RFC 1918, 6598, 4193)."""
_METADATA = frozenset(
    map(
        ip_address,
        (
            "169.254.169.254",  # AWS, Azure, Google, OpenStack and others
            "169.254.170.2",  # AWS, of containers
            "fd00:ec2::254",  # AWS, by IPv6
            "fd20:ce::254",  # Google, by IPv6
            "100.100.100.200",  # Alibaba
            "192.0.0.192",  # Oracle
            "168.63.129.16",  # Azure's own part of each machine
        ),
    )
)
_TUNNELS = (ip_network("2002::/16"), ip_network("2001::/32"))
"""6to4 and Teredo: an IPv4 address is hidden in them, and nobody serves anything there."""
_GLOBAL_UNICAST = ip_network("2000::/3")
"""All that IANA has given out of IPv6 for the public."""
_NAT64 = ip_network("64:ff9b::/96")
_LONGEST = 512


@dataclass(frozen=True, slots=True)
class Allowed:
    """Which private hosts may be called: those names, and what is in those networks.

    Plain HTTP is for a host that is named itself; that its network is does not do.
    """

    names: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    def names_host(self, host: str) -> bool:
        if host in self.names:
            return True
        address = _address(host)
        return address is not None and any(n == ip_network(address) for n in self.networks)

    def covers(self, host: str, address: Address) -> bool:
        return host in self.names or any(address in network for network in self.networks)


@dataclass(frozen=True, slots=True)
class Target:
    """`path`: with its query. `host`: in lower case, an IPv6 address without brackets."""

    tls: bool
    host: str
    port: int
    path: str


def target_of(url: str, allowed: Allowed) -> Target:
    """Raises ValueError, with what would be right."""
    is_plain = url.isascii() and url.isprintable() and not set(' "<>\\') & set(url)
    if len(url) > _LONGEST or not is_plain:
        raise ValueError(f"at most {_LONGEST} printable ASCII characters, without spaces")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:  # a port that is none, half an IPv6 address
        raise ValueError(_WANTED) from None
    if parts.scheme not in ("https", "http") or not host or port == 0 or "%" in host:
        raise ValueError(_WANTED)
    if parts.username is not None or parts.fragment:
        raise ValueError("without a user name, a password or a #fragment")
    if host == "localhost" or host.endswith(".localhost"):
        raise ValueError("leads to this machine, where no webhook may lead")
    address = _address(host)
    if address is not None and (problem := problem_with(address, host, allowed)):
        raise ValueError(problem)
    if parts.scheme == "http" and not allowed.names_host(host):
        raise ValueError("https; http only to a host that FLEET_WEBHOOK_HOSTS names itself")
    tls = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(tls, host, port or (443 if tls else 80), path)


def origin_of(url: str) -> str:
    """Scheme and host (and port) of an address that `target_of` has taken, to be shown."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


_WANTED = "must look like https://tickets.hospital.example/hooks/wardfleet"


def problem_among(addresses: Iterable[str], host: str, allowed: Allowed) -> str | None:
    """Why this host must not be called, by all the addresses that its name has; None if it may.

    One bad address among good ones is enough: whoever answers for the name chooses the next.
    """
    for text in addresses:
        address = _address(text)
        if address is None:
            return f"{text} is no address"
        if problem := problem_with(address, host, allowed):
            return problem
    return None


def problem_with(address: Address, host: str, allowed: Allowed) -> str | None:
    plain = _innermost(address)
    if word := _never(plain):
        return f"{address} is {word}, where no webhook may lead"
    if plain.is_global and (plain.version == 4 or plain in _GLOBAL_UNICAST):
        return None
    if any(plain in network for network in PRIVATE) and allowed.covers(host, plain):
        return None
    return f"{address} is not public: FLEET_WEBHOOK_HOSTS must name {host} or its private network"


def _never(address: Address) -> str | None:
    if address in _METADATA:
        return "a cloud's metadata"
    if any(address in network for network in _TUNNELS):
        return "a tunnel"
    for word in ("unspecified", "loopback", "link_local", "multicast", "reserved"):
        if getattr(address, f"is_{word}"):
            return word.replace("_", "-")
    if isinstance(address, IPv4Address) and address in ip_network("0.0.0.0/8"):
        return "this network itself"
    return None


def _innermost(address: Address) -> Address:
    """The IPv4 address to which an IPv6 address of the two kinds that carry one leads."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _address(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
