"""Readings go out oldest first and paced, and again until they are acked."""

from pathlib import Path

import pytest

from fleet.device.backlog import MAX_BYTES, MAX_READINGS
from fleet.wire.messages import App, Reading, Refusal
from tests.unit.device.bench import ACK_TIMEOUT_S, INTERVAL_S, START, Bench, bench_at


def fill(bench: Bench, count: int, apps: list[App] | None = None) -> None:
    for _ in range(count):
        bench.journal.keep(Reading(bench.journal.next_seq(), START, apps=apps or []))


def test_a_reading_is_sent_as_soon_as_it_is_taken(bench: Bench) -> None:
    bench.connect()
    assert bench.sent_seqs() == [[1]]
    assert bench.telemetry()[0].boot == bench.journal.boot


def test_what_was_kept_while_offline_goes_out_oldest_first(bench: Bench) -> None:
    fill(bench, 3)
    bench.connect()
    assert bench.sent_seqs() == [[1, 2, 3, 4]]


def test_a_long_backlog_goes_in_messages_of_two_hundred_two_at_a_time(bench: Bench) -> None:
    fill(bench, 700)
    bench.connect()
    assert [len(seqs) for seqs in bench.sent_seqs()] == [MAX_READINGS, MAX_READINGS]
    bench.ack(bench.journal.boot, (1, 200))
    assert [len(seqs) for seqs in bench.sent_seqs()] == [200, 200, 200]
    bench.ack(bench.journal.boot, (201, 600))
    assert bench.sent_seqs()[-1] == list(range(601, 702))
    bench.ack(bench.journal.boot, (601, 701))
    assert len(bench.journal) == 0


def test_no_message_is_larger_than_half_a_mebibyte(bench: Bench) -> None:
    fill(bench, 150, [App("x" * 60) for _ in range(64)])
    bench.connect()
    sizes = [len(payload) for topic, payload, _ in bench.link.published if "telemetry" in topic]
    assert len(sizes) == 2
    assert all(size < MAX_BYTES + 100 for size in sizes)
    assert sizes[0] > 0.9 * MAX_BYTES


def test_readings_of_an_earlier_boot_go_in_messages_of_their_own(tmp_path: Path) -> None:
    with bench_at(tmp_path / "journal") as before:
        fill(before, 2)
        old_boot = before.journal.boot
    with bench_at(tmp_path / "journal") as after:
        after.connect()
        sent = [(t.boot, [r.seq for r in t.readings]) for t in after.telemetry()]
        assert sent == [(old_boot, [1, 2]), (old_boot + 1, [1])]
        after.ack(old_boot, (1, 2))
        assert len(after.journal) == 1


def test_an_acked_reading_is_never_sent_again(bench: Bench) -> None:
    bench.connect()
    bench.ack(bench.journal.boot, (1, 1))
    bench.wait(20)
    bench.link.break_off()
    bench.wait(5)
    bench.link.accept()
    bench.tick()
    assert bench.sent_seqs().count([1]) == 1


def test_what_nobody_acked_is_sent_again_after_the_timeout(bench: Bench) -> None:
    bench.connect()
    bench.agent._sample_at = float("inf")
    bench.wait(ACK_TIMEOUT_S - 1)
    assert bench.sent_seqs() == [[1]]
    bench.wait(2)
    assert bench.sent_seqs() == [[1], [1]]


def test_a_partly_acked_message_is_sent_again_without_what_was_acked(bench: Bench) -> None:
    fill(bench, 4)
    bench.connect()
    bench.agent._sample_at = float("inf")
    bench.ack(bench.journal.boot, (1, 2), (4, 4))
    bench.wait(ACK_TIMEOUT_S + 1)
    assert bench.sent_seqs() == [[1, 2, 3, 4, 5], [3, 5]]


def test_a_service_that_does_not_answer_gets_one_message_ever_more_seldom(bench: Bench) -> None:
    fill(bench, 1000)
    bench.connect()
    bench.wait(30 + 60 + 120 + 10)
    firsts = [seqs[0] for seqs in bench.sent_seqs()]
    assert firsts == [1, 201, 1, 1, 1]


def test_the_first_ack_opens_the_window_again(bench: Bench) -> None:
    fill(bench, 1000)
    bench.connect()
    bench.wait(ACK_TIMEOUT_S + 1)
    bench.ack(bench.journal.boot, (1, 200))
    assert [seqs[0] for seqs in bench.sent_seqs()] == [1, 201, 1, 201, 401]


def test_a_new_connection_sends_at_once_what_may_have_been_lost(bench: Bench) -> None:
    bench.connect()
    bench.link.break_off()
    bench.tick()
    bench.link.accept()
    bench.tick()
    assert bench.sent_seqs() == [[1], [1]]


def test_a_refused_reading_is_given_up_and_the_reason_is_logged(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    fill(bench, 1)
    bench.connect()
    bench.ack(bench.journal.boot, (1, 1), refused=[Refusal(2, "percentage of 101")])
    assert len(bench.journal) == 0
    assert "reading 2 refused: percentage of 101" in caplog.text


def test_a_device_out_of_range_goes_on_measuring(bench: Bench) -> None:
    bench.link.reachable = False
    bench.wait(10 * INTERVAL_S)
    assert 10 <= len(bench.journal) <= 11
    bench.link.reachable = True
    bench.wait(60)
    bench.link.accept()
    bench.tick()
    assert bench.sent_seqs()[0][:10] == list(range(1, 11))


def test_an_ack_that_cannot_be_read_is_passed_over(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.connect()
    bench.deliver("ack", b'{"v": 1, "boot": "x", "ranges": []}')
    assert len(bench.journal) == 1
    assert "cannot be read" in caplog.text
