"""What the agent says and when: of itself, of its state, and of what it measures."""

from pathlib import Path
from random import Random

import msgspec
import pytest

from fleet.device.agent import REPORT_EVERY_S
from fleet.device.backoff import FIRST_S, LONGEST_S, Backoff
from fleet.wire.messages import Birth, Rebirth, State, encode
from tests.unit.device.bench import DEVICE_ID, INTERVAL_S, Bench, bench_at, desired


def test_a_session_begins_with_birth_state_and_report(bench: Bench) -> None:
    bench.connect()
    topics = [topic.rpartition("/")[2] for topic, _, _ in bench.link.published]
    assert topics == ["birth", "state", "reported", "telemetry"]
    assert bench.link.subscribed == [f"fleet/v1/down/{DEVICE_ID}/#"]


def test_who_was_not_heard_says_again_who_he_is_when_somebody_listens(bench: Bench) -> None:
    bench.connect()
    for channel in ("birth", "state", "reported", "telemetry"):
        bench.link.find_nobody(channel)
    bench.wait(INTERVAL_S)
    assert len(bench.link.said("birth")) == 1
    bench.ack_everything()
    assert len(bench.link.said("birth")) == len(bench.link.said("reported")) == 2
    bench.wait(INTERVAL_S)
    bench.ack_everything()
    assert len(bench.link.said("birth")) == 2


def test_a_reading_that_nobody_heard_is_no_reason_to_be_born_again(bench: Bench) -> None:
    bench.connect()
    bench.link.find_nobody("telemetry")
    bench.ack_everything()
    assert len(bench.link.said("birth")) == 1


def test_a_birth_says_who_the_device_is_and_what_it_can_set(bench: Bench) -> None:
    bench.connect()
    assert msgspec.convert(bench.link.said("birth")[0], Birth) == Birth(
        v=1,
        boot=bench.journal.boot,
        session=1,
        agent="wardfleet-agent/1",
        kind="medication_cart",
        model="M40",
        serial="SN1",
        firmware="4.1.0",
        os="Debian 12",
        settings=["screen_timeout_s"],
    )


def test_only_the_state_is_retained(bench: Bench) -> None:
    bench.connect()
    assert {t.rpartition("/")[2] for t, _, retain in bench.link.published if retain} == {"state"}


def test_the_will_speaks_of_the_session_it_belongs_to(bench: Bench) -> None:
    bench.connect()
    assert msgspec.json.decode(bench.link.will, type=State) == State(False, 1, bench.journal.boot)
    online = {"online": True, "session": 1, "boot": bench.journal.boot}
    assert bench.link.said("state") == [online]


def test_each_connection_is_a_session_of_its_own(bench: Bench) -> None:
    bench.connect()
    bench.link.break_off()
    bench.wait(2 * FIRST_S)
    bench.link.accept()
    bench.tick()
    sessions = [birth["session"] for birth in bench.link.said("birth")]
    assert sessions[1] > sessions[0]
    assert msgspec.json.decode(bench.link.will, type=State).session == sessions[1]


def test_a_clean_stop_says_offline_itself(bench: Bench) -> None:
    bench.connect()
    bench.agent.close()
    assert bench.link.said("state")[-1] == {
        "online": False,
        "session": 1,
        "boot": bench.journal.boot,
    }
    assert bench.link.published[-1][2] is True


def test_a_reading_is_taken_at_every_interval(bench: Bench) -> None:
    bench.connect()
    bench.wait(INTERVAL_S)  # the first gap is shortened by chance
    taken = bench.journal.next_seq()
    bench.wait(10 * INTERVAL_S)
    assert bench.journal.next_seq() - taken == 11


def test_devices_switched_on_together_do_not_report_together(tmp_path: Path) -> None:
    dues = set()
    for number in range(5):
        with bench_at(tmp_path / f"journal-{number}") as bench:
            bench.agent._sampler.first_share = Random(number).random()
            bench.tick()
            dues.add(bench.agent._sampler.due_at)
    assert len(dues) == 5


def test_a_reading_carries_the_time_of_the_clock_and_the_generation_in_force(bench: Bench) -> None:
    bench.connect()
    bench.deliver("desired", desired(17))
    bench.wait(INTERVAL_S)
    bench.ack_everything()
    newest = bench.telemetry()[-1].readings[-1]
    assert newest.system is not None
    assert newest.system.profile_generation == 17


def test_before_any_profile_no_generation_is_claimed(bench: Bench) -> None:
    bench.connect()
    assert bench.telemetry()[0].readings[0].system is not None
    assert bench.telemetry()[0].readings[0].system.profile_generation is None


def test_what_the_protocol_does_not_allow_is_not_kept(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.hardware.soc_pct = 101
    bench.connect()
    assert len(bench.journal) == 0
    assert "what the protocol does not allow" in caplog.text


def test_a_report_is_repeated_every_quarter_of_an_hour(bench: Bench) -> None:
    bench.connect()
    bench.wait(REPORT_EVERY_S - 5)
    assert len(bench.link.said("reported")) == 1
    bench.wait(10)
    assert [report["seq"] for report in bench.link.said("reported")] == [1, 2]


def test_a_rebirth_is_answered_with_birth_state_and_report(bench: Bench) -> None:
    bench.connect()
    before = len(bench.link.published)
    bench.deliver("rebirth", encode(Rebirth(1)))
    topics = [topic.rpartition("/")[2] for topic, _, _ in bench.link.published[before:]]
    assert topics == ["birth", "state", "reported"]
    assert bench.link.said("birth")[-1]["session"] == 1


def test_a_rebirth_raises_the_boot_that_readings_go_on_from(bench: Bench) -> None:
    bench.connect()
    higher = bench.journal.boot + 1000
    bench.deliver("rebirth", encode(Rebirth(1, higher)))
    assert bench.link.said("birth")[-1]["boot"] == higher
    assert bench.link.said("reported")[-1]["boot"] == higher
    bench.ack_everything()
    bench.wait(INTERVAL_S - 1)
    assert (bench.telemetry()[-1].boot, bench.sent_seqs()[-1]) == (higher, [1])


def test_a_message_that_cannot_be_handled_does_not_swallow_the_next(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.connect()
    bench.link.deliver("rebirth", b"\xff")
    bench.link.deliver("cmd/locate", b"{}")
    bench.link.deliver("rebirth", encode(Rebirth(1)))
    bench.tick()
    assert len(bench.link.said("birth")) == 2
    assert "rebirth cannot be read" in caplog.text


def test_an_unreachable_broker_is_tried_again_ever_more_seldom(bench: Bench) -> None:
    bench.link.reachable = False
    bench.wait(60)
    first_minute = bench.link.opened
    bench.wait(600)
    later = (bench.link.opened - first_minute) / 10
    assert first_minute >= 5
    assert 2 <= later <= 8


def test_a_broker_that_does_not_answer_is_given_up_and_tried_again(bench: Bench) -> None:
    bench.tick()
    assert bench.link.opened == 1
    bench.wait(15)
    assert bench.link.opened == 2


def test_refused_connections_do_not_count_as_good_ones(bench: Bench) -> None:
    """Once connected, then refused at each attempt: the waits must grow all the same."""
    bench.connect()
    for _ in range(8):
        bench.link.break_off()
        bench.time += 40
        bench.tick()
    assert bench.agent._backoff._ceiling == LONGEST_S


def test_waits_are_spread_over_all_of_a_growing_span() -> None:
    first = [Backoff(Random(n)).next_wait() for n in range(200)]
    grown = []
    for n in range(200):
        backoff = Backoff(Random(n))
        grown.append([backoff.next_wait() for _ in range(8)][-1])
    assert 0.9 * FIRST_S < max(first) <= FIRST_S
    assert min(first) < 0.1 * FIRST_S
    assert min(grown) < 0.1 * LONGEST_S
    assert 0.9 * LONGEST_S < max(grown) <= LONGEST_S


def test_after_a_connection_that_held_the_waits_are_short_again() -> None:
    backoff = Backoff(Random(1))
    for _ in range(8):
        backoff.next_wait()
    backoff.held_for(29)
    assert backoff._ceiling == LONGEST_S
    backoff.held_for(31)
    assert backoff.next_wait() <= FIRST_S
