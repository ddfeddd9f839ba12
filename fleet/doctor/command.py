"""`fleet doctor` on the command line."""

import json
from collections.abc import Iterable

import click

from fleet.config import SettingError, Settings
from fleet.doctor.finding import Finding, Level, fail

_WIDTH = 22


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs: one JSON document.")
def doctor(as_json: bool) -> None:
    """Check everything, and say what to do. Exit status: 0 well, 1 to look at, 2 to put right."""
    findings = []
    for finding in _findings():
        findings.append(finding)
        if not as_json:
            click.echo(_shown(finding))
    worst = max(finding.level for finding in findings)
    if as_json:
        click.echo(json.dumps(_document(findings, worst), indent=2))
    raise SystemExit(int(worst))


def _findings() -> Iterable[Finding]:
    # Imported late, like every command's own: they are many, and `fleet --help` needs none.
    from fleet.doctor.case import Case
    from fleet.doctor.examine import examine

    try:
        settings = Settings.from_env()
    except SettingError as error:
        yield fail("settings", str(error), "Correct it in the environment, then ask again.")
        return
    with Case(settings) as case:
        yield from examine(case)


def _shown(finding: Finding) -> str:
    line = f"{finding.level.name.lower():5} {finding.name:{_WIDTH}} {finding.found}"
    return line if finding.do is None else f"{line}\n{'':6}-> {finding.do}"


def _document(findings: list[Finding], worst: Level) -> dict[str, object]:
    return {
        "level": worst.name.lower(),
        "checks": [
            {"name": f.name, "level": f.level.name.lower(), "found": f.found, "do": f.do}
            for f in findings
        ],
    }


COMMANDS = (doctor,)
