"""Fault 5: the database restarted in the middle of a batch. All of the batch or none, no early ack.

SQLite has no server to restart; its processes die with ingest (faults 1 and 2).
"""

import signal

import pytest

from tests.faults.conftest import Stage
from tests.faults.service import is_frozen
from tests.support.postgres import Cluster
from tests.support.waiting import wait_until


@pytest.mark.only_on("postgresql")
@pytest.mark.parametrize("step", ["statement", "commit"])
def test_a_batch_cut_off_by_the_database_is_taken_again_whole(
    stage: Stage, cluster: Cluster, step: str
) -> None:
    ingest = stage.service.doomed_ingest(step, stage.rng.randint(2, 9), signal.SIGSTOP)
    with stage.population() as devices:
        wait_until(lambda: is_frozen(ingest), timeout=60)
        cluster.crash()
        cluster.start()
        ingest.send_signal(signal.SIGCONT)
        devices.acks_more(300)
        cluster.crash()  # and once at any moment
        cluster.start()
        devices.acks_more(300)
        stage.verify(devices)
