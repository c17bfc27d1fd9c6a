"""Two processes do not make one artifact at the same time."""

from __future__ import annotations

import threading
from pathlib import Path

from srl_pipeline.launchers.lock import exclusive


def test_the_second_waits_is_told_so_and_goes_on(tmp_path: Path) -> None:
    order: list[str] = []
    waiting = threading.Event()

    def second() -> None:
        with exclusive(tmp_path / "locks" / "a.lock", waiting.set):
            order.append("second")

    thread = threading.Thread(target=second)
    with exclusive(tmp_path / "locks" / "a.lock", lambda: order.append("must not wait")):
        thread.start()
        assert waiting.wait(5)
        order.append("first")
    thread.join(5)
    assert order == ["first", "second"]
