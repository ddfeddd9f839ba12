"""What a board weighs on the way to a tablet in a ward with bad radio."""

import gzip

from fleet.web.bundle import DIST, built_name

MOST_BYTES = 60_000
OF_THE_BOARD = ("board.js", "board.css", "theme.js", "worker.js")


def test_the_boards_javascript_and_css_together_stay_below_60_kb_compressed() -> None:
    files = {name: (DIST / built_name(name)).read_bytes() for name in OF_THE_BOARD}
    compressed = {name: len(gzip.compress(content)) for name, content in files.items()}
    assert all(compressed.values())
    assert sum(compressed.values()) < MOST_BYTES, compressed
