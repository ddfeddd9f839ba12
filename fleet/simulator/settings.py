"""The settings that simulated devices know: each with its factory value and what it accepts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from fleet.wire.messages import ReasonCode, Setting


@dataclass(frozen=True, slots=True)
class Knob:
    """`accepts`: allowed numbers, or allowed words; a switch needs neither."""

    factory: Setting
    accepts: Sequence[Setting] = ()

    def fits(self, value: Setting) -> bool:
        if type(value) is not type(self.factory):
            return False
        return isinstance(value, bool) or value in self.accepts

    def turned(self, rng: Random) -> Setting:
        """What somebody may turn it to."""
        if isinstance(self.factory, bool):
            return not self.factory
        return rng.choice(self.accepts)


_PERCENT = range(101)
_SECONDS = range(86_401)

KNOBS: Mapping[str, Knob] = {
    "screen_timeout_s": Knob(300, _SECONDS),
    "screen_brightness_pct": Knob(80, _PERCENT),
    "auto_lock_s": Knob(300, _SECONDS),
    "auto_logout_s": Knob(900, _SECONDS),
    "drawer_relock_s": Knob(30, _SECONDS),
    "volume_pct": Knob(60, _PERCENT),
    "low_battery_alarm_pct": Knob(20, _PERCENT),
    "keyboard_light": Knob(True),
    "kiosk_mode": Knob(False),
    "bluetooth": Knob(True),
    "camera": Knob(True),
    "usb_storage": Knob(True),
    "wifi_band": Knob("auto", ("auto", "2.4GHz", "5GHz")),
    "language": Knob("en", ("en", "de", "fr", "it", "es", "nl", "pl", "tr")),
}


class Panel:
    """The settings of one device as they stand. `lacks`: those it does not have."""

    def __init__(self, lacks: frozenset[str]) -> None:
        self._knobs = {key: knob for key, knob in KNOBS.items() if key not in lacks}
        self.values: dict[str, Setting] = {key: knob.factory for key, knob in self._knobs.items()}

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(self._knobs)

    def apply(self, key: str, value: Setting) -> ReasonCode | None:
        if key not in self._knobs:
            return "UNSUPPORTED"
        if not self._knobs[key].fits(value):
            return "INVALID_VALUE"
        self.values[key] = value
        return None

    def fiddle(self, rng: Random) -> None:
        """Somebody turns a knob."""
        key = rng.choice(sorted(self._knobs))
        self.values[key] = self._knobs[key].turned(rng)

    def restore(self, values: Mapping[str, Setting]) -> None:
        """As they stood before; what the device does not have is passed over."""
        self.values.update({key: v for key, v in values.items() if key in self._knobs})
