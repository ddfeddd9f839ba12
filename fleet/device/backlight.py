"""The screen's brightness: the one setting that a plain Linux lets an agent truly set and read."""

from pathlib import Path

from fleet.device.probe import read_int
from fleet.wire.messages import ReasonCode, Setting

BACKLIGHTS = Path("/sys/class/backlight")


class Backlight:
    """The first backlight under `root`."""

    def __init__(self, root: Path = BACKLIGHTS) -> None:
        panels = sorted(root.glob("*/brightness"))
        self._brightness = panels[0] if panels else None
        self._maximum = read_int(panels[0].with_name("max_brightness")) if panels else None
        self._asked: tuple[int, int] | None = None

    @property
    def is_there(self) -> bool:
        return bool(self._brightness and self._maximum)

    def percent(self) -> int | None:
        """What is set now. A panel of few steps counts as what was asked while nobody moved it."""
        raw = read_int(self._brightness) if self._brightness else None
        if raw is None or not self._maximum:
            return None
        if self._asked is not None and self._asked[0] == raw:
            return self._asked[1]
        return round(100 * raw / self._maximum)

    def set_percent(self, value: Setting) -> ReasonCode | None:
        """1 to 100: a screen that is set to black cannot be set right by its user."""
        if not self._brightness or not self._maximum:
            return "UNSUPPORTED"
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 100:
            return "INVALID_VALUE"
        raw = max(round(value * self._maximum / 100), 1)
        try:
            self._brightness.write_text(str(raw))
        except OSError:
            return "DEVICE_INCOMPATIBLE"
        self._asked = (raw, value)
        return None
