"""Test-only: one fault, what it left behind, and whether the next life ends as if nothing had happened."""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from srl_pipeline_tests.chaos.child import Begetter, Ended, Life, facts
from srl_pipeline_tests.chaos.drivers import driver
from srl_pipeline_tests.chaos.faults import CLOCKS, DISK, KILLS, Fault
from srl_pipeline_tests.chaos.invariants import litter


@dataclass
class Laboratory:
    """Lives of one driver.

    Attributes:
        template: A folder that every home begins as a copy of; None: with nothing.
        environment: What a home's lives find in theirs.
        around: What goes on beside a home's lives, such as a server.
    """

    name: str
    begetter: Begetter
    folder: Path
    template: Path | None = None
    environment: Callable[[Path], dict[str, str]] = lambda _: {}
    around: Callable[[Path], AbstractContextManager[None]] = lambda _: nullcontext()
    _count: int = 0

    def undisturbed(self) -> tuple[list[str], str]:
        """The boundaries of a life without a fault, and its result."""
        home = self.home()
        with self.around(home):
            ended = self.live(home, None)
        assert ended.well, ended.text
        self.assert_sound(home, exact=True)
        return ended.boundaries, ended.result

    def home(self) -> Path:
        """A new one, as it is before its first life."""
        self._count += 1
        home = self.folder / f"{self._count}" / "home"
        home.mkdir(parents=True)
        self.furnish(home)
        return home

    def furnish(self, home: Path) -> None:
        if self.template is not None:
            shutil.copytree(self.template, home, dirs_exist_ok=True)

    def live(self, home: Path, fault: Fault | None) -> Ended:
        environment = self.environment(home) | {"SRL_HOME": str(home)}
        life = Life(driver=self.name, home=home, outside=home.parent, environment=environment, fault=fault)
        return self.begetter.live(life)

    def assert_sound(self, home: Path, *, exact: bool) -> None:
        driver(self.name).check(home, facts(home.parent / "told.jsonl"), exact=exact)

    def suffer(self, fault: Fault, result: str) -> str:
        """Empty where all held, else what did not; a fault whose turn did not come is no fault."""
        home = self.home()
        said: list[str] = []
        try:
            with self.around(home):
                first = self.live(home, fault)
                said.append(f"struck at {first.struck or 'nothing'}; {first.error} {first.text[:600]}")
                assert first.struck, "the fault did not strike"
                _assert_told(fault, first)
                self.recover(home, result, said, exact=fault.kind not in CLOCKS)
        except AssertionError:
            return f"{self.name}, {fault}: {'; '.join(said)}\n{traceback.format_exc(limit=-2)}"
        shutil.rmtree(home.parent)
        return ""

    def recover(self, home: Path, result: str, said: list[str], *, exact: bool) -> None:
        """Assert that nothing is lost or doubled now, and that the next life ends as if nothing had happened."""
        self.assert_sound(home, exact=exact)
        again = self.live(home, None)
        said.append(f"then {again.error} {again.text[:600]}")
        assert again.well, "the next run does not complete"
        self.assert_sound(home, exact=exact)
        assert again.result == result, "the result is another one"
        left = [name for name in litter(home) if not name.startswith("artifacts/_work/trash-")]
        assert not left, f"it leaves {left}"


def assert_in_words(ended: Ended) -> None:
    """What failed says what, where and how to mend it."""
    assert ended.well or ended.in_words, "not in the program's words"
    assert ended.well or ("where:" in ended.text and "mend:" in ended.text)


def _assert_told(fault: Fault, ended: Ended) -> None:
    """A kill kills; a disk that fails is told of in the program's words; a clock and a short wait are outlived."""
    if fault.kind in KILLS:
        assert ended.killed, "it lived on"
    elif fault.kind in DISK or fault.kind == "busy for long":
        assert_in_words(ended)
    else:
        assert ended.well, "it did not outlive it"
