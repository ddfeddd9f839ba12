"""A hospital in which much is rolled out: one rollout in each state, and commands of each end."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Flask

from fleet import create_app
from fleet.config import Settings
from fleet.services.first_administrator import create_administrator, offer
from fleet.services.rollouts.care import set_ward_care
from fleet.services.rollouts.steer import pause_rollout
from fleet.services.send_command import expire_commands, send_command
from fleet.store.migrate import upgrade
from tests.browser.busy_night import ADA, PASSWORD, USER
from tests.support.hospital import say
from tests.support.rollouts import Carts

COMPLETED, HALTED, PAUSED, RUNNING, PROPOSED = range(1, 6)
"""Ids of the rollouts."""
WITH_COMMANDS = "c-5-1"
FIRST_RINGS = 8
"""Of the 60 devices of the running rollout: 2 canaries, 4 of the first ring, some of the second."""
PAGES = {
    "rollouts-many": "/it/rollouts",
    "rollout-completed": f"/it/rollouts/{COMPLETED}",
    "rollout-halted": f"/it/rollouts/{HALTED}",
    "rollout-running": f"/it/rollouts/{RUNNING}",
    "rollout-waiting": f"/it/rollouts/{RUNNING}?state=queued",
    "rollout-proposed": f"/it/rollouts/{PROPOSED}",
    "ward-care-set": "/it/rollouts/wards",
    "alerts-rollout": "/it/alerts",
    "overview-rollout": "/it",
    "device-commands": f"/it/devices/{WITH_COMMANDS}",
}
WHILE_STOPPED = {
    "rollouts-stopped": "/it/rollouts",
    "rollout-running-stopped": f"/it/rollouts/{RUNNING}",
}


def rolling_app(folder: Path) -> tuple[Flask, Carts]:
    """The application over such a hospital of six wards, in a database of its own."""
    settings = Settings.from_env({"FLEET_DATA_DIR": str(folder)})
    settings.make_data_dir()
    upgrade(settings.database_url)
    app = create_app(settings)
    with app.app_context():
        now = datetime.now(UTC)
        create_administrator(offer(now) or "", USER, PASSWORD, now)
        carts = Carts(wards=6, each=12)
        _roll_out(carts, now)
        _command(now)
    return app, carts


def copy_of(template: Path, folder: Path) -> Flask:
    """The application over a copy of that hospital, which nobody has open."""
    shutil.copytree(template, folder)
    return create_app(Settings.from_env({"FLEET_DATA_DIR": str(folder)}))


def _roll_out(carts: Carts, now: datetime) -> None:
    carts.forget_words()
    carts.now = now - timedelta(hours=5)
    carts.rest()
    carts.begin(scope="ward", key="ward-1")
    carts.go_well(turns=15)
    carts.begin(version=3, scope="ward", key="ward-2")
    carts.turn()
    carts.answer(carts.told_anything()[0], screen_timeout_s=5)
    carts.forget_words()
    carts.begin(version=3, scope="ward", key="ward-3")
    carts.go_well(turns=2)
    pause_rollout(PAUSED, ADA, carts.now)
    carts.begin(shares=[10, 100], error_pct=60, soak_min=5)
    for _ in range(40):
        if len(carts.in_state(RUNNING, "succeeded")) >= FIRST_RINGS:
            break
        carts.go_well(turns=1)
    carts.now = now
    carts.rest()
    carts.rest(["c-4-3", "c-4-4", "c-5-5"], availability="in_use")
    carts.rest(["c-5-6", "c-6-6"], plugged_in=False)
    carts.rest(["c-6-7"], soc_pct=31)
    carts.turn()
    bad, *good = carts.in_state(RUNNING, "offered")[:3]
    carts.answer(bad, screen_timeout_s=5)
    for name in good:
        carts.answer(name)
    carts.turn()
    assert carts.rollout(RUNNING).state == "running"
    carts.propose(version=3, scope="ward", key="ward-4")
    set_ward_care("ward-6", ["mon-fri 22:00-05:00", "sun 13:00-15:00"], 3, ADA, now)


def _command(now: datetime) -> None:
    for name, what in (("locate", {"done": True}), ("lock", {"done": False, "reason": "busy"})):
        at = now - timedelta(minutes=20)
        sent = send_command(WITH_COMMANDS, name, ADA, at)
        say("cmd", {"v": 1, "id": sent, **what}, at + timedelta(seconds=3), WITH_COMMANDS)
    send_command(WITH_COMMANDS, "reboot", ADA, now - timedelta(minutes=10))
    expire_commands(now - timedelta(minutes=5))
    send_command(WITH_COMMANDS, "refresh", ADA, now)
