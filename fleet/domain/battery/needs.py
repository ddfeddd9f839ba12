"""How many packs a purchase needs, as an interval that comes from the packs' own."""

from typing import NamedTuple


class Count(NamedTuple):
    """So many packs fall within a time by their most likely dates: at least those whose whole
    80 % interval ends by then, at most those whose interval begins by then."""

    likely: int = 0
    least: int = 0
    most: int = 0

    def plus(self, other: "Count") -> "Count":
        return Count(self.likely + other.likely, self.least + other.least, self.most + other.most)

    def __str__(self) -> str:
        """ "7, between 4 and 11"."""
        if self.least == self.most:
            return str(self.likely)
        return f"{self.likely}, between {self.least} and {self.most}"


NONE = Count()
