"""What grows with the fleet and with its history: `make bench-growth`.

The whole path with one ingest, as in `tests.bench.ingest`, each row with a database of its own.
"""

from tests.bench.ingest import measure, place

SECONDS = 10.0
SIZES = ((1_000, 1_000_000), (10_000, 1_000_000), (100_000, 1_000_000), (10_000, 50_000_000))
"""Devices, and readings that are there before."""
OFFERED = 1_000


def main() -> None:
    print(
        "| database | devices | readings before | messages/s | CPU us a message "
        f"| memory of ingest MB | p50 / p99 / most ms at {OFFERED:,}/s |"
    )
    print("|---|---|---|---|---|---|---|")
    for database in ("PostgreSQL", "SQLite"):
        for devices, readings in SIZES:
            with place(database, devices, readings) as here:
                whole = measure(here, devices, 1, SECONDS)
                paced = measure(here, devices, 1, SECONDS, rate=OFFERED)
            assert whole.lost == paced.lost == 0, "messages were never acked"
            cpu = ", ".join(f"{what} {value:.0f}" for what, value in whole.cpu.items())
            latency = " / ".join(f"{value:.0f}" for value in paced.latency.values())
            print(
                f"| {database} | {devices:,} | {readings:,} | {whole.rate:,.0f} | {cpu} "
                f"| {whole.memory['ingest']:.0f} | {latency} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
