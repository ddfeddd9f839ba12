"""The console's first page: what needs a human now, then the fleet in figures."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from flask import current_app, render_template
from flask.typing import ResponseReturnValue

from fleet.access import At, allow, reach
from fleet.domain.access import Access
from fleet.domain.battery.quarters import Quarter
from fleet.domain.words import Availability, ComplianceState, DeviceKind
from fleet.store.queries.alerts import calls_since
from fleet.store.queries.board import ward_heads
from fleet.store.queries.fleet_count import latest_counts
from fleet.store.queries.overview import Tally
from fleet.store.queries.recovery import newest_drill
from fleet.web import clock
from fleet.web.needs import needs
from fleet.web.views.alerts import CALLS_COUNT_FOR
from fleet.web.views.console import it
from fleet.web.words import ALERTS

TROUBLED = (ComplianceState.NONCOMPLIANT, ComplianceState.DRIFTED, ComplianceState.UNSUPPORTED)


@dataclass(frozen=True, slots=True)
class Share:
    """How many of all, and the percentage that can be shown: never rounded up to 100."""

    part: int
    whole: int

    @property
    def percent(self) -> int:
        return 100 * self.part // self.whole if self.whole else 0


@it.get("")
@allow(Access.READ, At.ANY)
def overview() -> ResponseReturnValue:
    now = clock.now()
    seen = reach()
    counts = latest_counts(now, clock.today(), seen)
    tallies, compliance = counts.tallies, counts.compliance
    total = sum(tally.devices for tally in tallies)
    by_word = _by_word(tallies)
    return render_template(
        "it/overview.html",
        now=now,
        counted_at=counts.at,
        needs=needs(now, counts, current_app.config["FLEET"], ALERTS, seen),
        troubled={state: compliance[state] for state in TROUBLED if compliance.get(state)},
        silent=by_word[Availability.UNKNOWN],
        total=total,
        by_kind={kind: _by_word(t for t in tallies if t.kind == kind) for kind in DeviceKind},
        compliance=compliance,
        compliant=Share(compliance.get(ComplianceState.COMPLIANT, 0), sum(compliance.values())),
        wards=ward_heads(seen),
        by_ward=_by_ward(tallies),
        calls=calls_since(now - CALLS_COUNT_FOR, seen),
        drill=newest_drill(),
        quarter=Quarter.of(clock.today()).following,
        packs_to_order=counts.packs,
    )


def _by_word(tallies: Iterable[Tally]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for tally in tallies:
        counts[tally.availability] += tally.devices
    return counts


def _by_ward(tallies: Iterable[Tally]) -> dict[int, Counter[str]]:
    """For each ward: its carts by availability, and all of its devices under "total"."""
    wards: dict[int, Counter[str]] = {}
    for tally in tallies:
        counts = wards.setdefault(tally.ward_id, Counter())
        counts["total"] += tally.devices
        if tally.kind == DeviceKind.MEDICATION_CART:
            counts[tally.availability] += tally.devices
    return wards
