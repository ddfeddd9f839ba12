"""The one table of scheduled jobs: what runs, how often, and why."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from fleet.config import Settings
from fleet.dispatch.publisher import Publisher
from fleet.dispatch.speak import speak
from fleet.dispatch.webhooks import Deliverer
from fleet.jobs.certificates import keep_certificates, publish_revocations
from fleet.jobs.heartbeat import heartbeat
from fleet.jobs.silence import Watch
from fleet.recovery.backup import nightly_backup
from fleet.services.calls import follow_calls
from fleet.services.count_fleet import count_fleet
from fleet.services.forecast_packs import forecast_packs
from fleet.services.judge_overdue import judge_overdue
from fleet.services.partitions import make_partitions, pack_partitions
from fleet.services.replacements import hold_replacements
from fleet.services.retention import forget_old
from fleet.services.rollouts.plan_rollouts import plan_rollouts
from fleet.services.rollups import roll_up
from fleet.services.send_command import expire_commands
from fleet.services.study_packs import study_packs
from fleet.services.tasks.work import work_tasks
from fleet.services.watch_packs import watch_packs


@dataclass(frozen=True, slots=True)
class Tools:
    """What jobs work with."""

    settings: Settings
    publisher: Publisher
    deliverer: Deliverer
    watch: Watch = field(default_factory=Watch)


@dataclass(frozen=True, slots=True)
class Job:
    name: str
    every_s: float
    run: Callable[[Tools, datetime], object]


JOBS = (
    Job("speak", 0.5, lambda tools, now: speak(tools.publisher, now)),
    Job("mark_silent", 1, lambda tools, now: tools.watch(now)),
    Job("heartbeat", 5, lambda tools, now: heartbeat(tools.publisher, now)),
    Job("follow_calls", 10, lambda tools, now: follow_calls(now)),
    Job("publish_revocations", 5, lambda tools, now: publish_revocations(tools.settings, now)),
    Job("plan_rollouts", 5, lambda tools, now: tools.watch.is_settled() and plan_rollouts(now)),
    Job("expire_commands", 5, lambda tools, now: expire_commands(now)),
    Job("work_tasks", 2, lambda tools, now: work_tasks(now)),
    Job("deliver_webhooks", 1, lambda tools, now: tools.deliverer(now)),
    Job("count_fleet", 10, lambda tools, now: count_fleet(now)),
    Job("judge_overdue", 10, lambda tools, now: judge_overdue(now)),
    Job("roll_up", 30, lambda tools, now: roll_up(now)),
    Job("watch_packs", 60, lambda tools, now: watch_packs(now)),
    Job("study_packs", 60, lambda tools, now: study_packs(now)),
    Job("forecast_packs", 600, lambda tools, now: forecast_packs(now)),
    Job("hold_replacements", 60, lambda tools, now: hold_replacements(now)),
    Job("make_partitions", 3600, lambda tools, now: make_partitions(now)),
    Job("pack_partitions", 3600, lambda tools, now: pack_partitions(now)),
    Job("keep_certificates", 3600, lambda tools, now: keep_certificates(tools.settings, now)),
    Job("forget_old", 3600, lambda tools, now: forget_old(tools.settings.retention, now)),
    Job("nightly_backup", 600, lambda tools, now: nightly_backup(tools.settings, now)),
)
