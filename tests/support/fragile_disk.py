"""A disk that loses what was not synced, at whatever step the power goes."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Survival = Literal["lost", "kept", "renamed"]
SURVIVALS: tuple[Survival, ...] = ("lost", "kept", "renamed")
"""What a power cut may leave of what was not synced: nothing, all of it, or the names alone."""


class PowerCut(BaseException):
    """Nobody can catch it and go on."""


@dataclass
class Content:
    now: bytes = b""
    synced: bytes = b""


@dataclass
class FragileDisk:
    """Counts its steps; before step `cut_at` the power goes, in a write with half of it done."""

    names: dict[Path, Content] = field(default_factory=dict)
    synced_names: dict[Path, Content] = field(default_factory=dict)
    cut_at: int | None = None
    steps: int = 0

    def after_power_cut(self, survival: Survival) -> "FragileDisk":
        names = self.synced_names if survival == "lost" else self.names
        left = {
            path: Content(*[content.now if survival == "kept" else content.synced] * 2)
            for path, content in names.items()
        }
        return FragileDisk(dict(left), dict(left))

    def read(self, path: Path) -> bytes | None:
        content = self.names.get(path)
        return None if content is None else content.now

    def size(self, path: Path) -> int | None:
        content = self.names.get(path)
        return None if content is None else len(content.now)

    def part(self, path: Path, offset: int, length: int) -> bytes:
        return self.names[path].now[offset : offset + length]

    def write(self, path: Path, offset: int, data: bytes) -> None:
        content = self.names.setdefault(path, Content())
        is_cut = self._is_cut()
        content.now = content.now[:offset] + (data[: len(data) // 2] if is_cut else data)
        if is_cut:
            raise PowerCut

    def sync(self, path: Path) -> None:
        self._step()
        self.names[path].synced = self.names[path].now

    def rename(self, old: Path, new: Path) -> None:
        self._step()
        self.names[new] = self.names.pop(old)

    def remove(self, path: Path) -> None:
        self._step()
        self.names.pop(path, None)

    def sync_folder(self, folder: Path) -> None:
        self._step()
        kept = {p: c for p, c in self.synced_names.items() if p.parent != folder}
        self.synced_names = kept | {p: c for p, c in self.names.items() if p.parent == folder}

    def _step(self) -> None:
        if self._is_cut():
            raise PowerCut

    def _is_cut(self) -> bool:
        self.steps += 1
        return self.steps == self.cut_at
