"""Applications on a Linux machine: do they run, and in which version."""

import shlex
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import PurePath

import psutil

from fleet.device.probe import label, output_of
from fleet.wire.messages import App

VERSION_KEPT_S = 600.0
"""Asking a package manager is slow; versions change seldom."""


@dataclass(frozen=True, slots=True)
class AppSpec:
    """An app to watch: its name in profiles, its process, the command that prints its version.

    Without a process, that of the same name; without a command, the version of the Debian package
    of the same name.
    """

    name: str
    process: str = ""
    version_command: tuple[str, ...] = ()

    @staticmethod
    def parse(text: str) -> "AppSpec":
        """`name`, `name=process` or `name=process=version command`; ValueError without a name."""
        name, _, rest = text.partition("=")
        process, _, command = rest.partition("=")
        if not name.strip():
            raise ValueError(f"an app needs a name: {text!r}")
        return AppSpec(name.strip(), process.strip(), tuple(shlex.split(command)))


class Apps:
    """Watches configured apps; others are looked up under their own name."""

    def __init__(
        self, specs: Iterable[AppSpec], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._specs = {spec.name: spec for spec in specs}
        self._monotonic = monotonic
        self._versions: dict[str, tuple[float, str | None]] = {}

    def sample(self, more: Iterable[str]) -> list[App]:
        """The configured apps and those named. Crashes are not known here, and left out."""
        running = _running_processes()
        names = [*self._specs, *(name for name in more if name not in self._specs)]
        return [self._app(name, running) for name in names]

    def version(self, name: str) -> str | None:
        """The installed version; None where it is not installed or does not tell."""
        kept_until, version = self._versions.get(name, (0.0, None))
        now = self._monotonic()
        if now >= kept_until:
            version = self._ask_version(self._spec(name))
            self._versions[name] = (now + VERSION_KEPT_S, version)
        return version

    def _app(self, name: str, running: set[str]) -> App:
        version = self.version(name)
        if (self._spec(name).process or name) in running:
            return App(name, version, "running")
        return App(name, version, "stopped" if version else "missing")

    def _spec(self, name: str) -> AppSpec:
        return self._specs.get(name) or AppSpec(name)

    def _ask_version(self, spec: AppSpec) -> str | None:
        command = spec.version_command or ("dpkg-query", "-W", "-f=${Version}", spec.name)
        return label(output_of(command))


def _running_processes() -> set[str]:
    """Process names, and the programs and scripts that their command lines start with."""
    found: set[str] = set()
    for process in psutil.process_iter(["name", "cmdline", "status"]):
        if process.info["status"] == psutil.STATUS_ZOMBIE:
            continue
        found.add(process.info["name"] or "")
        found.update(PurePath(word).name for word in (process.info["cmdline"] or [])[:2])
    return found
