"""Where a webhook may lead, and where never."""

from ipaddress import ip_address, ip_network

import pytest

from fleet.config import SettingError, Settings
from fleet.domain.webhooks.addresses import PRIVATE, Allowed, problem_among, problem_with, target_of

NOTHING = Allowed()
EVERYTHING = Allowed(names=frozenset({"host"}), networks=PRIVATE)
"""All that a setting can allow."""


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1",
        "169.254.0.1", "169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe",
        "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "fd20:ce::254", "100.100.100.200",
        "192.0.0.192", "168.63.129.16", "0.0.0.0", "0.1.2.3", "::", "::7f00:1", "224.0.0.1",
        "239.1.2.3", "ff02::1", "240.0.0.1", "255.255.255.255", "2002:7f00:1::",
        "2001:0:1:2:3:4:5:6", "fec0::1", "192.0.2.1", "198.18.0.1",
    ],
)  # fmt: skip
def test_control_38_no_setting_opens_the_way_to_this_machine_or_a_clouds_metadata(
    address: str,
) -> None:
    assert problem_among([address], "host", NOTHING)
    assert problem_among([address], "host", EVERYTHING)


@pytest.mark.parametrize(
    "address",
    ["10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.0.1", "100.64.0.1", "fd12::1",
     "::ffff:10.1.2.3", "64:ff9b::a01:203"],
)  # fmt: skip
def test_control_38_a_private_address_is_for_the_host_alone_that_a_setting_names(
    address: str,
) -> None:
    problem = problem_among([address], "host", NOTHING)
    assert problem
    assert "FLEET_WEBHOOK_HOSTS must name host" in problem
    assert problem_among([address], "host", EVERYTHING) is None
    assert problem_among([address], "other", Allowed(names=frozenset({"host"})))


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822"])
def test_a_public_address_needs_no_setting(address: str) -> None:
    assert problem_with(ip_address(address), "host", NOTHING) is None


def test_control_38_one_bad_address_of_a_name_is_enough() -> None:
    assert problem_among(["93.184.216.34", "127.0.0.1"], "host", NOTHING)
    assert problem_among(["127.0.0.1", "93.184.216.34"], "host", NOTHING)


def test_a_network_allows_just_what_is_in_it() -> None:
    allowed = Allowed(networks=(ip_network("10.1.0.0/16"),))
    assert problem_among(["10.1.2.3"], "host", allowed) is None
    assert problem_among(["10.2.2.3"], "host", allowed)


def test_an_address_as_it_is_entered_is_taken_apart() -> None:
    target = target_of("https://Tickets.Example:8443/hooks?a=1&b=2", NOTHING)
    assert (target.tls, target.host, target.port) == (True, "tickets.example", 8443)
    assert target.path == "/hooks?a=1&b=2"
    assert target_of("https://tickets.example", NOTHING).port == 443
    assert target_of("https://tickets.example", NOTHING).path == "/"
    assert target_of("https://[2606:2800::1]/x", NOTHING).host == "2606:2800::1"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://host.example/", "must look like"),
        ("https:///x", "must look like"),
        ("https://host.example:99999/", "must look like"),
        ("https://host.example:0/", "must look like"),
        ("https://[::1", "must look like"),
        ("https://fe80::1%25eth0/", "must look like"),
        ("https://ada:pw@host.example/", "without a user name"),
        ("https://host.example/#x", "without a user name"),
        ("https://host.example/a b", "without spaces"),
        ("https://host.example/\r\nX: y", "without spaces"),
        ("https://host.example\\@evil.example/", "without spaces"),
        ("https://hôst.example/", "ASCII"),
        ("https://host.example/" + "x" * 512, "at most 512"),
        ("https://localhost/", "this machine"),
        ("https://x.localhost:8080/", "this machine"),
        ("https://127.0.0.1/", "loopback"),
        ("https://[::1]/", "loopback"),
        ("https://[::ffff:127.0.0.1]/", "loopback"),
        ("https://169.254.169.254/latest/meta-data/", "metadata"),
        ("https://10.1.2.3/", "FLEET_WEBHOOK_HOSTS"),
        ("http://host.example/", "https"),
    ],
)
def test_an_address_that_cannot_be_used_is_told_what_would_be_right(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        target_of(url, NOTHING)


def test_plain_http_is_for_a_host_that_is_named_itself() -> None:
    by_name = Allowed(names=frozenset({"tickets.example"}))
    assert not target_of("http://tickets.example/x", by_name).tls
    by_address = Allowed(networks=(ip_network("10.1.2.3/32"),))
    assert target_of("http://10.1.2.3/x", by_address).port == 80
    by_network = Allowed(networks=(ip_network("10.1.2.0/24"),))
    with pytest.raises(ValueError, match="https"):
        target_of("http://10.1.2.3/x", by_network)
    assert target_of("https://10.1.2.3/x", by_network).tls


def test_the_setting_takes_names_addresses_and_networks() -> None:
    given = "Tickets.hospital.example, 10.1.2.3,192.168.7.0/24,[fd12::1]"
    allowed = Settings.from_env({"FLEET_WEBHOOK_HOSTS": given}).webhook_hosts
    assert allowed.names == {"tickets.hospital.example"}
    assert [str(network) for network in allowed.networks] == [
        "10.1.2.3/32", "192.168.7.0/24", "fd12::1/128",
    ]  # fmt: skip
    assert Settings.from_env({}).webhook_hosts == NOTHING


@pytest.mark.parametrize(
    "part",
    ["127.0.0.1", "0.0.0.0/0", "10.0.0.0/7", "::1", "localhost", "169.254.0.0/16", "8.8.8.8",
     "10.1.2.3/24", "a b", "https://x.example"],
)  # fmt: skip
def test_control_38_the_setting_itself_refuses_what_is_never_allowed(part: str) -> None:
    with pytest.raises(SettingError, match="FLEET_WEBHOOK_HOSTS"):
        Settings.from_env({"FLEET_WEBHOOK_HOSTS": f"tickets.example,{part}"})
