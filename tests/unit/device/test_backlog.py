"""The newest reading goes out first, the history paced, and all of it again until it is acked."""

from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from fleet.device.agent import REPORT_AGAIN_WITHIN_S
from fleet.device.backlog import FIRST_READINGS, LEAST_READINGS, MAX_BYTES, PAUSE_S, SPREAD_S
from fleet.wire.messages import App, Reading, Refusal
from tests.unit.device.bench import ACK_TIMEOUT_S, INTERVAL_S, START, Bench, bench_at


def fill(bench: Bench, count: int, apps: list[App] | None = None) -> None:
    for _ in range(count):
        bench.journal.keep(Reading(bench.journal.next_seq(), START, apps=apps or []))


def test_a_reading_is_sent_as_soon_as_it_is_taken(bench: Bench) -> None:
    bench.connect()
    assert bench.sent_seqs() == [[1]]
    assert bench.telemetry()[0].boot == bench.journal.boot


def test_the_newest_reading_goes_first_and_alone_because_the_board_waits_for_it(
    bench: Bench,
) -> None:
    fill(bench, 3)
    bench.connect()
    assert bench.sent_seqs() == [[4]]


def test_what_was_kept_before_it_follows_the_first_ack_oldest_first(bench: Bench) -> None:
    fill(bench, 3)
    bench.connect()
    bench.agent._sampler.due_at = float("inf")
    bench.wait(SPREAD_S)
    assert bench.sent_seqs() == [[4]]
    bench.ack(bench.journal.boot, (4, 4))
    bench.wait(SPREAD_S)
    assert bench.sent_seqs() == [[4], [1, 2, 3]]


def test_the_history_of_a_whole_fleet_does_not_begin_in_one_moment(tmp_path: Path) -> None:
    begun = []
    for number in range(20):
        with bench_at(tmp_path / str(number)) as bench:
            bench.agent._backlog._rng = Random(number)
            fill(bench, 3)
            bench.connect()
            at = bench.time
            bench.ack(bench.journal.boot, (4, 4))
            while len(bench.sent_seqs()) < 2:
                bench.wait(0.5)
            begun.append(bench.time - at)
    assert min(begun) < 0.3 * SPREAD_S
    assert 0.8 * SPREAD_S < max(begun) <= SPREAD_S + 0.6


def test_a_fresh_reading_never_waits_behind_history(bench: Bench) -> None:
    bench.agent._sampler.first_share = 0.8
    fill(bench, 1000)
    bench.connect()
    bench.ack(bench.journal.boot, (1001, 1001))
    bench.wait(SPREAD_S)
    assert bench.sent_seqs()[1:] == [list(range(1, FIRST_READINGS + 1))]
    bench.wait(INTERVAL_S - SPREAD_S)  # that message of history has no ack yet
    assert bench.sent_seqs()[2:] == [[1002]]


def history(bench: Bench, ack_after_s: float, seconds: float) -> list[tuple[float, int]]:
    """When each message of history went, and its readings, at a service of that quickness."""
    went: list[tuple[float, int]] = []
    acked = 0
    end = bench.time + seconds
    while bench.time < end:
        bench.wait(0.1)
        sent = bench.telemetry()
        if len(sent) > acked:
            acked += 1
            seqs = [reading.seq for reading in sent[acked - 1].readings]
            if len(seqs) > 1:
                went.append((bench.time, len(seqs)))
            bench.time += ack_after_s
            bench.ack(bench.journal.boot, (min(seqs), max(seqs)))
    return went


def test_history_goes_one_message_at_a_time_and_more_at_once_while_acks_are_quick(
    bench: Bench,
) -> None:
    fill(bench, 1000)
    bench.connect()
    went = history(bench, ack_after_s=0.1, seconds=60)
    assert [count for _, count in went] == [50, 100, 200, 200, 200, 200, 50]
    gaps = [after - before for (before, _), (after, _) in pairwise(went)]
    assert all(0.5 * PAUSE_S <= gap <= 2 * PAUSE_S for gap in gaps)
    assert len(bench.journal) == 0


def test_the_slower_the_acks_the_less_and_the_later(bench: Bench) -> None:
    fill(bench, 1000)
    bench.connect()
    went = history(bench, ack_after_s=5, seconds=120)
    assert [count for _, count in went][:4] == [50, 25, 12, LEAST_READINGS]
    gaps = [after - before for (before, _), (after, _) in pairwise(went)]
    assert min(gaps) > 2 * 5
    shares = sum(count for _, count in went) / 120
    assert shares < 2  # readings a second, where a quick service is given a hundred


def test_no_message_is_larger_than_half_a_mebibyte(bench: Bench) -> None:
    fill(bench, 400, [App("x" * 60) for _ in range(64)])
    bench.connect()
    history(bench, ack_after_s=0.1, seconds=20)
    sizes = [len(payload) for topic, payload, _ in bench.link.published if "telemetry" in topic]
    assert all(size < MAX_BYTES + 100 for size in sizes)
    assert max(sizes) > 0.9 * MAX_BYTES
    assert len(bench.journal) == 0


def test_readings_of_an_earlier_boot_go_in_messages_of_their_own(tmp_path: Path) -> None:
    with bench_at(tmp_path / "journal") as before:
        fill(before, 2)
        old_boot = before.journal.boot
    with bench_at(tmp_path / "journal") as after:
        after.connect()
        after.agent._sampler.due_at = float("inf")
        after.ack(old_boot + 1, (1, 1))
        after.wait(SPREAD_S)
        sent = [(t.boot, [r.seq for r in t.readings]) for t in after.telemetry()]
        assert sent == [(old_boot + 1, [1]), (old_boot, [1, 2])]
        after.ack(old_boot, (1, 2))
        assert len(after.journal) == 0


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
    bench.agent._sampler.due_at = float("inf")
    bench.wait(ACK_TIMEOUT_S - 1)
    assert bench.sent_seqs() == [[1]]
    bench.wait(2)
    assert bench.sent_seqs() == [[1], [1]]


def test_a_partly_acked_message_is_sent_again_without_what_was_acked(bench: Bench) -> None:
    fill(bench, 4)
    bench.connect()
    bench.agent._sampler.due_at = float("inf")
    bench.ack(bench.journal.boot, (5, 5))
    bench.wait(SPREAD_S)
    bench.ack(bench.journal.boot, (1, 1), (3, 3))
    bench.wait(ACK_TIMEOUT_S + 1)
    bench.ack(bench.journal.boot, (4, 4))
    bench.wait(SPREAD_S)
    assert bench.sent_seqs() == [[5], [1, 2, 3, 4], [4], [2]]


def test_a_service_that_does_not_answer_gets_one_message_ever_more_seldom(bench: Bench) -> None:
    """And each time with what is newest by then: of no use is what the board showed an hour ago."""
    fill(bench, 1000)
    bench.connect()
    at = bench.time
    sent = []
    while bench.time < at + 30 + 60 + 120 + 10:
        bench.wait(1)
        if len(bench.sent_seqs()) > len(sent):
            sent.append(round(bench.time - at))
    assert sent[0] == 1
    assert sent[2:] == [30, 90, 210]
    assert {len(seqs) for seqs in bench.sent_seqs()} == {1}
    newest = [seqs[0] for seqs in bench.sent_seqs()]
    assert newest == sorted(newest)
    assert newest[-1] >= 1000 + 210 // INTERVAL_S


def test_the_first_ack_opens_the_window_again(bench: Bench) -> None:
    bench.connect()
    bench.wait(ACK_TIMEOUT_S + 1)
    in_vain = len(bench.sent_seqs())
    bench.wait(INTERVAL_S)  # the next reading waits: one message at a time
    assert len(bench.sent_seqs()) == in_vain
    bench.ack(bench.journal.boot, (1, bench.journal.next_seq()))
    bench.wait(2 * INTERVAL_S)
    assert len(bench.sent_seqs()) == in_vain + 2


def test_a_service_that_answers_again_is_told_the_configuration_again(bench: Bench) -> None:
    """What was said while no ingest was connected is lost in the broker."""
    bench.connect()
    bench.wait(ACK_TIMEOUT_S + 1)
    assert len(bench.link.said("reported")) == 1
    for _ in range(int(2 * REPORT_AGAIN_WITHIN_S) // 10):
        bench.ack_everything()
        bench.wait(10)
    assert len(bench.link.said("reported")) == 2


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
    (newest,) = bench.sent_seqs()[0]
    bench.ack(bench.journal.boot, (newest, newest))
    bench.wait(SPREAD_S)
    assert bench.sent_seqs()[1] == list(range(1, newest))


def test_an_ack_that_cannot_be_read_is_passed_over(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.connect()
    bench.deliver("ack", b'{"v": 1, "boot": "x", "ranges": []}')
    assert len(bench.journal) == 1
    assert "cannot be read" in caplog.text
