"""How long the charge lasts, and when it is full again."""

from fleet.domain.battery.packs import Charge

RESERVE = 0.05
"""Share of the full capacity that is not promised: the last percents of a gauge are its worst."""
LOAD_MEMORY_S = 600.0
"""Time constant of the load average: runtime by a 10-minute average errs least (0.9-2.6 %)."""
RATED_HOURS = 10.0
"""A full cart lasts a long shift (makers rate 8 to 12 hours): the load until it is known."""
TAPER_FROM = 0.8
"""Lithium chargers hold the voltage from about here on, and the current falls."""
TAPER_SLOWDOWN = 2.0


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


def runtime_left_min(charge: Charge, load_ma: float | None) -> int | None:
    """Minutes until the reserve at this load; None where capacity or load is unknown."""
    if charge.remaining_mah is None or not charge.full_mah or not load_ma or load_ma <= 0:
        return None
    usable_mah = charge.remaining_mah - RESERVE * charge.full_mah
    return max(int(60 * usable_mah / load_ma), 0)


def minutes_to_full(charge: Charge) -> int | None:
    """Minutes until full at the present current, with the slower end of the charge allowed for."""
    if not charge.charging or charge.remaining_mah is None or not charge.full_mah:
        return None
    if not charge.current_ma or charge.current_ma <= 0:
        return None
    missing_mah = max(charge.full_mah - charge.remaining_mah, 0)
    tapered_mah = min(missing_mah, (1 - TAPER_FROM) * charge.full_mah)
    already_tapering = charge.remaining_mah >= TAPER_FROM * charge.full_mah
    slow = 1.0 if already_tapering else TAPER_SLOWDOWN
    return round(60 * (missing_mah - tapered_mah + slow * tapered_mah) / charge.current_ma)
