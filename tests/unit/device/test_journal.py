"""The journal keeps what the service does not have yet, through everything that happens to it."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from fleet.device.journal import Applied, Journal
from fleet.wire.messages import App, DesiredDocument, Reading

NOW = datetime(2026, 11, 24, 6, 15, tzinfo=UTC)
EPOCH_S = int(NOW.timestamp())
EVERYTHING = (10_000, 10_000_000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "cart.journal"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    journal = Journal(path, NOW)
    yield journal
    journal.close()


def keep(journal: Journal, count: int) -> None:
    for _ in range(count):
        journal.keep(Reading(journal.next_seq(), NOW))


def reopened(journal: Journal, path: Path, **options: int) -> Journal:
    journal.close()
    return Journal(path, NOW, **options)


def kept(journal: Journal) -> list[tuple[int, int]]:
    found, after = [], (-1, -1)
    while chunk := journal.chunk(after, *EVERYTHING):
        found += [(chunk.boot, seq) for seq in chunk.seqs]
        after = found[-1]
    return found


def test_a_reading_is_kept_as_it_was_measured(journal: Journal) -> None:
    reading = Reading(journal.next_seq(), NOW, uptime_s=5)
    journal.keep(reading)
    chunk = journal.chunk((-1, -1), *EVERYTHING)
    assert chunk is not None
    assert [msgspec.json.decode(body, type=Reading) for body in chunk.bodies] == [reading]


def test_a_fresh_journal_starts_its_boot_at_the_epoch_second(journal: Journal) -> None:
    assert journal.boot == EPOCH_S


def test_each_start_is_a_new_boot_whose_numbers_begin_again(journal: Journal, path: Path) -> None:
    keep(journal, 2)
    again = reopened(journal, path)
    assert again.boot == EPOCH_S + 1
    assert again.next_seq() == 1
    assert again.next_report_seq() == 1
    again.close()


def test_sessions_rise_across_restarts(journal: Journal, path: Path) -> None:
    first = [journal.next_session(), journal.next_session()]
    again = reopened(journal, path)
    assert [*first, again.next_session()] == [1, 2, 3]
    again.close()


def test_readings_of_earlier_boots_are_still_there_and_come_first(
    journal: Journal, path: Path
) -> None:
    keep(journal, 2)
    again = reopened(journal, path)
    keep(again, 1)
    assert kept(again) == [(EPOCH_S, 1), (EPOCH_S, 2), (EPOCH_S + 1, 1)]
    assert len(again) == 3
    again.close()


def test_a_chunk_holds_the_readings_of_one_boot_only(journal: Journal, path: Path) -> None:
    keep(journal, 2)
    again = reopened(journal, path)
    keep(again, 2)
    chunk = again.chunk((-1, -1), *EVERYTHING)
    assert chunk is not None
    assert (chunk.boot, chunk.seqs) == (EPOCH_S, [1, 2])
    again.close()


def test_a_chunk_ends_at_its_number_and_at_its_size(journal: Journal) -> None:
    keep(journal, 5)
    by_number = journal.chunk((-1, -1), 3, 1_000_000)
    assert by_number is not None
    assert by_number.seqs == [1, 2, 3]
    size = len(by_number.bodies[0]) + 1
    by_size = journal.chunk((-1, -1), 100, 2 * size)
    assert by_size is not None
    assert by_size.seqs == [1, 2]


def test_a_reading_larger_than_the_chunk_goes_alone(journal: Journal) -> None:
    keep(journal, 2)
    chunk = journal.chunk((-1, -1), 100, 1)
    assert chunk is not None
    assert chunk.seqs == [1]


def test_what_the_service_has_is_forgotten_and_nothing_else(journal: Journal) -> None:
    keep(journal, 6)
    journal.forget(journal.boot, [(1, 2), (5, 5)])
    assert [seq for _, seq in kept(journal)] == [3, 4, 6]
    assert len(journal) == 3


def test_an_ack_for_another_boot_forgets_nothing(journal: Journal) -> None:
    keep(journal, 2)
    journal.forget(journal.boot - 1, [(1, 2)])
    assert len(kept(journal)) == 2


def test_an_ack_of_absurd_numbers_is_taken_for_what_it_covers(journal: Journal) -> None:
    keep(journal, 2)
    journal.forget(journal.boot, [(-(2**70), 2**70)])
    assert kept(journal) == []


def test_a_full_journal_drops_the_oldest_and_counts_them(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal(path, NOW, capacity=3)
    keep(journal, 5)
    assert [seq for _, seq in kept(journal)] == [3, 4, 5]
    assert journal.dropped == 2
    assert "2 readings dropped" in caplog.text
    again = reopened(journal, path, capacity=3)
    assert again.dropped == 2
    again.close()


def test_the_boot_is_raised_but_never_lowered(journal: Journal) -> None:
    keep(journal, 1)
    journal.raise_boot(EPOCH_S + 100)
    assert (journal.boot, journal.next_seq()) == (EPOCH_S + 100, 1)
    journal.raise_boot(5)
    assert journal.boot == EPOCH_S + 100
    assert kept(journal) == [(EPOCH_S, 1)]


def test_a_raised_boot_is_the_ground_of_the_next(journal: Journal, path: Path) -> None:
    journal.raise_boot(EPOCH_S + 100)
    again = reopened(journal, path)
    assert again.boot == EPOCH_S + 101
    again.close()


def test_the_applied_configuration_outlives_a_restart(journal: Journal, path: Path) -> None:
    document = DesiredDocument({"camera": False}, [], 30)
    applied = Applied(17, "ab" * 32, document, NOW, {"camera": "UNSUPPORTED"})
    journal.apply(applied)
    again = reopened(journal, path)
    assert again.applied == applied
    again.close()


def test_a_damaged_file_is_set_aside_and_a_new_one_begun(
    journal: Journal, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keep(journal, 1)
    journal.close()
    path.write_bytes(b"this is no database at all" * 400)
    again = Journal(path, NOW)
    assert kept(again) == []
    keep(again, 1)
    assert len(again) == 1
    again.close()
    assert path.with_name("cart.journal.corrupt-1").read_bytes().startswith(b"this is no database")
    assert "set aside as cart.journal.corrupt-1" in caplog.text


def test_a_second_damaged_file_does_not_overwrite_the_first(path: Path) -> None:
    path.parent.mkdir()
    for _ in range(2):
        path.write_bytes(b"damaged again" * 400)
        Journal(path, NOW).close()
    names = sorted(p.name for p in path.parent.glob("*.corrupt-*"))
    assert names == ["cart.journal.corrupt-1", "cart.journal.corrupt-2"]


def test_damage_found_while_running_costs_what_was_kept_and_not_the_agent(path: Path) -> None:
    journal = Journal(path, NOW, synchronous="OFF")
    document = DesiredDocument({"camera": False}, [], 30)
    journal.apply(Applied(17, "ab" * 32, document, NOW))
    apps = [App("x" * 60) for _ in range(64)]
    for _ in range(1500):  # more than any cache holds
        journal.keep(Reading(journal.next_seq(), NOW, apps=apps))
    journal.close()
    journal = Journal(path, NOW, synchronous="OFF")
    boot = journal.boot
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\x7f" * (path.stat().st_size - 4096))
    assert kept(journal) == []
    keep(journal, 1)
    assert kept(journal) == [(boot + 1, 1)]
    assert journal.applied.generation == 17
    assert list(path.parent.glob("*.corrupt-1"))
    journal.close()


def test_a_journal_belongs_to_one_agent_alone(journal: Journal, path: Path) -> None:
    with pytest.raises(OSError, match="locked"):
        Journal(path, NOW)
    assert not list(path.parent.glob("*.corrupt-*"))


def test_a_journal_that_cannot_be_opened_is_not_taken_for_a_damaged_one(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    folder.mkdir()
    with pytest.raises(OSError, match="unable to open"):
        Journal(folder, NOW)


def test_every_reading_outlives_a_process_that_is_killed(path: Path, tmp_path: Path) -> None:
    """The files as they lie on the disk while the agent runs are all there is after a power cut."""
    journal = Journal(path, NOW)
    keep(journal, 50)
    copy = tmp_path / "after" / path.name
    copy.parent.mkdir()
    for suffix in ("", "-wal"):
        copy.with_name(copy.name + suffix).write_bytes(Path(f"{path}{suffix}").read_bytes())
    survivor = Journal(copy, NOW)
    assert len(kept(survivor)) == 50
    survivor.close()
    journal.close()


def test_an_unreadable_configuration_counts_as_none(
    journal: Journal, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal._file.write("INSERT INTO facts VALUES ('applied', ?)", b'{"generation": "x"}')
    with caplog.at_level(logging.WARNING):
        again = reopened(journal, path)
    assert again.applied == Applied()
    assert "counts as none" in caplog.text
    again.close()
