"""What a promise of runtime is made of, in a sentence for who wants to know why."""

from fleet.domain.battery.endurance import HOURS, USUAL_SPREAD, Learned
from fleet.domain.battery.runtime import RATED_HOURS


def basis(learned: Learned, load_ma: float | None, hours_known: int) -> str:
    """`load_ma`: in use, lately. `hours_known`: of the week, that its load profile knows."""
    return f"Made of {_capacity(learned)}, {_load(load_ma)}, and {_week(hours_known, learned)}."


def _capacity(learned: Learned) -> str:
    if not learned.usable_mah:
        return "the capacity that its packs report, as none is learned yet"
    amount = f"{learned.usable_mah / 1000:.1f} Ah learned from its own swings"
    return f"{amount} (± {learned.capacity_spread:.0%})" if learned.capacity_spread else amount


def _load(load_ma: float | None) -> str:
    if not load_ma:
        return f"a load that empties it in {RATED_HOURS:.0f} hours, as it was never seen in use"
    return f"{load_ma / 1000:.1f} A that it draws in use"


def _week(hours_known: int, learned: Learned) -> str:
    spread = USUAL_SPREAD if learned.load_spread is None else learned.load_spread
    if not hours_known:
        return f"a reserve for loads that vary by {spread:.0%}, its usual week being unknown yet"
    return (
        f"what it usually draws in {hours_known} of the week's {HOURS} hours, "
        f"with a reserve for loads that vary by {spread:.0%}"
    )
