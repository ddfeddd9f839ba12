"""`fleet doctor`, asked in a test."""

from datetime import datetime
from pathlib import Path
from typing import Any

from fleet.config import Settings
from fleet.doctor import examine
from fleet.doctor.case import Case
from fleet.doctor.finding import Finding, Level
from fleet.jobs.table import JOBS


def configured(database_url: str, data_dir: Path, mqtt_url: str, **more: str) -> Settings:
    return Settings.from_env(
        {
            "FLEET_DATABASE_URL": database_url,
            "FLEET_DATA_DIR": str(data_dir),
            "FLEET_MQTT_URL": mqtt_url,
            **more,
        }
    )


def jobs(ended_at: datetime) -> list[Any]:
    """What a schedule carries whose jobs all ended well then."""
    name = "wardfleet_job_last_success_timestamp_seconds"
    samples = [[name, {"name": job.name}, ended_at.timestamp()] for job in JOBS]
    return [{"name": name, "help": "", "type": "gauge", "samples": samples}]


def found(settings: Settings) -> dict[str, Finding]:
    """The worst finding of each name."""
    by_name: dict[str, Finding] = {}
    with Case(settings) as case:
        for finding in examine.examine(case):
            assert (finding.do is None) == (finding.level is Level.OK), finding
            known = by_name.get(finding.name)
            if known is None or finding.level > known.level:
                by_name[finding.name] = finding
    return by_name


def troubles(settings: Settings) -> dict[str, Level]:
    return {f.name: f.level for f in found(settings).values() if f.level and f.name != "durability"}
