"""Control 38: what somebody enters as a webhook leads to nothing that only the service reaches.

Real servers on this machine, and the shipped rule. Where a name has to mean something, only what it
means is the test's.
"""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from fleet.dispatch.post import Network, dial, post, resolve
from fleet.domain.webhooks.addresses import PRIVATE, Allowed, Target
from tests.support.receiver import (
    ELSEWHERE,
    Receiver,
    reached_at,
    receiver,
    slow_answer,
    tls_receiver,
    with_status,
)

HOST = "tickets.example"
ALLOWED = Allowed(names=frozenset({HOST}), networks=PRIVATE)
"""All that the setting can allow."""


def call(network: Network, port: int, host: str = HOST, tls: bool = False) -> str | None:
    return post(Target(tls, host, port, "/hook"), {}, b"{}", ALLOWED, network, patience_s=5)


@pytest.fixture
def here() -> Iterator[Receiver]:
    """Something on this machine that only the service reaches."""
    with receiver() as made:
        yield made


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_control_38_a_webhook_to_loopback_is_blocked(here: Receiver, address: str) -> None:
    connected = socket.create_connection((address, here.port))
    connected.close()  # it could be reached there
    assert "may lead" in (call(Network(), here.port, host=address) or "")
    assert here.heard == []


def test_control_38_a_name_of_this_machine_is_blocked(here: Receiver) -> None:
    assert "127.0.0.1" in resolve("localhost", here.port)
    assert "may lead" in (call(Network(), here.port, host="localhost") or "")
    assert here.heard == []


@pytest.mark.parametrize("address", ["169.254.169.254", "169.254.1.1", "fe80::1", "fd00:ec2::254"])
def test_control_38_a_webhook_to_link_local_is_blocked_before_anything_is_sent(
    address: str,
) -> None:
    dialled: list[str] = []

    def note(to: str, port: int, timeout_s: float) -> socket.socket:
        dialled.append(to)
        return dial(to, port, timeout_s)

    network = Network(resolve=lambda _host, _port: [address], dial=note)
    assert "may lead" in (call(network, 80) or "")
    assert dialled == []


def test_control_38_a_redirect_is_not_followed(here: Receiver) -> None:
    location = f"http://127.0.0.1:{here.port}/hook"
    for status in (301, 302, 303, 307, 308):
        with receiver(with_status(status, Location=location)) as public:
            problem = call(reached_at({HOST: public.port}), 80)
            assert problem == f"answered {status}, and redirects are not followed"
            assert len(public.heard) == 1
    assert here.heard == []


def test_control_38_a_name_that_means_something_else_a_moment_later_leads_nowhere_else(
    here: Receiver,
) -> None:
    """The name is asked for once: what was judged is what is called."""
    asked: list[str] = []
    dialled: list[str] = []

    def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return [ELSEWHERE] if len(asked) == 1 else ["127.0.0.1"]

    def note(to: str, _port: int, timeout_s: float) -> socket.socket:
        dialled.append(to)
        return socket.create_connection(("127.0.0.1", public.port), timeout_s)

    with receiver() as public:
        network = Network(resolve=rebinding, dial=note)
        assert call(network, here.port) is None
        assert (asked, dialled) == ([HOST], [ELSEWHERE])
        assert "may lead" in (call(network, here.port) or "")
    assert dialled == [ELSEWHERE]
    assert here.heard == []


def test_control_38_a_name_that_means_this_machine_too_is_blocked(here: Receiver) -> None:
    network = Network(resolve=lambda _host, _port: [ELSEWHERE, "127.0.0.1"])
    assert "may lead" in (call(network, here.port) or "")
    assert here.heard == []


def test_the_certificate_must_be_that_of_the_name_though_an_address_is_called() -> None:
    with ExitStack() as stack:
        good = stack.enter_context(tls_receiver(HOST))
        other = stack.enter_context(tls_receiver("other.example"))
        assert call(reached_at({HOST: good.port}, good.trusting), 443, tls=True) is None
        assert dict(good.receiver.heard[0].headers)["Host"] == HOST
        problem = call(reached_at({HOST: other.port}, other.trusting), 443, tls=True)
        assert "its certificate is not good for tickets.example" in (problem or "")
        stranger = call(reached_at({HOST: good.port}), 443, tls=True)
        assert "its certificate is not good for tickets.example" in (stranger or "")
        assert other.receiver.heard == []
        assert len(good.receiver.heard) == 1


def test_an_answer_that_comes_letter_by_letter_ends_in_time() -> None:
    with slow_answer() as port:
        problem = post(
            Target(False, HOST, 80, "/"), {}, b"{}", ALLOWED, reached_at({HOST: port}), patience_s=1
        )
    assert problem == "no answer within 1 s"
