"""The load in use, and when a charging battery is full again."""

from math import log

from fleet.domain.battery.packs import Charge
from fleet.domain.words import Chemistry

LOAD_MEMORY_S = 600.0
"""Time constant of the load average: runtime by a 10-minute average errs least (0.9-2.6 %)."""
RATED_HOURS = 10.0
"""A full cart lasts a long shift (makers rate 8 to 12 hours): the load until it is known."""
TAPER_H = {
    Chemistry.LIFEPO4: 0.05,
    Chemistry.NMC: 0.26,
    Chemistry.LCO: 0.33,
    Chemistry.LEAD_ACID: 0.06,
}
"""Time constant of the current's decay at constant voltage, hours: resistance times capacity over
the slope of the open-circuit voltage near full charge. Those of `fleet.simulator.battery`."""
USUAL_TAPER_H = 0.26
CUTOFF = 0.05
"""Share of the constant current at which chargers call a pack full."""


def smoothed_load(
    previous_ma: float | None, draw_ma: float | None, elapsed_s: float
) -> float | None:
    """Exponential average of the discharge current, mA, weighted by the time between readings."""
    if draw_ma is None or draw_ma <= 0:
        return previous_ma
    if previous_ma is None:
        return draw_ma
    weight = min(max(elapsed_s, 0.0) / LOAD_MEMORY_S, 1.0)
    return previous_ma + weight * (draw_ma - previous_ma)


def rated_load_ma(charge: Charge) -> float | None:
    """The load that empties a full battery in its rated hours, mA; None if its size is unknown."""
    return charge.full_mah / RATED_HOURS if charge.full_mah else None


def minutes_to_full(charge: Charge, chemistry: Chemistry | None) -> int | None:
    """Minutes until full: at constant current, then while it decays exponentially.

    At constant voltage V the current is (V - open-circuit voltage) / resistance. The latter voltage
    rises with the charge, about evenly near its end: so dI/dt = -I/tau, and what is missing until
    the cut-off is tau (I - I_cutoff) (Plett 2015, Battery Management Systems I, ch. 2, for the
    circuit). Missing charge over present current so tells how far the decay has come.
    """
    if not charge.charging or charge.remaining_mah is None or not charge.full_mah:
        return None
    if not charge.current_ma or charge.current_ma <= 0:
        return None
    tau = TAPER_H.get(chemistry, USUAL_TAPER_H) if chemistry else USUAL_TAPER_H
    missing_h = max(charge.full_mah - charge.remaining_mah, 0) / charge.current_ma
    tapered_h = min(missing_h, tau * (1 - CUTOFF))
    return round(60 * (missing_h - tapered_h - tau * log(1 - tapered_h / tau)))
