"""What the agent does when it is told to: once, and with an answer."""

import pytest

from fleet.wire.messages import Command, encode
from tests.unit.device.bench import Bench


def tell(bench: Bench, name: str, command_id: int) -> None:
    bench.link.deliver(f"cmd/{name}", encode(Command(v=1, id=command_id)))
    bench.wait(0)


@pytest.mark.parametrize("name", ["locate", "lock", "reboot"])
def test_a_command_is_done_and_answered(bench: Bench, name: str) -> None:
    bench.connect()
    tell(bench, name, 7)
    assert bench.hardware.executed == [name]
    assert bench.link.said("cmd") == [{"v": 1, "id": 7, "done": True}]


def test_a_command_that_comes_again_is_not_done_again(bench: Bench) -> None:
    bench.connect()
    tell(bench, "locate", 7)
    tell(bench, "locate", 7)
    assert bench.hardware.executed == ["locate"]


def test_what_cannot_be_done_is_answered_with_the_reason(bench: Bench) -> None:
    bench.connect()
    bench.hardware.cannot["locate"] = "nothing that rings"
    tell(bench, "locate", 7)
    assert bench.link.said("cmd")[0]["reason"] == "nothing that rings"
    assert bench.link.said("cmd")[0]["done"] is False


def test_refreshed_it_says_who_it_is_and_measures_at_once(bench: Bench) -> None:
    bench.connect()
    before = bench.agent.unacked
    tell(bench, "refresh", 8)
    assert len(bench.link.said("birth")) == len(bench.link.said("reported")) == 2
    assert bench.agent.unacked == before + 1
    assert bench.link.said("cmd")[0]["done"] is True


def test_a_command_it_does_not_know_is_passed_over(bench: Bench) -> None:
    bench.connect()
    tell(bench, "explode", 9)
    assert bench.hardware.executed == []
    assert bench.link.said("cmd") == []


def test_the_log_names_the_request_that_asked_for_it(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.connect()
    with caplog.at_level("INFO"):
        bench.link.deliver("cmd/locate", encode(Command(v=1, id=7, request_id="night-shift-0042")))
        bench.wait(0)
    assert any("command 7 (locate), request night-shift-0042" in line for line in caplog.messages)
