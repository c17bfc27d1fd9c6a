"""Test-only: somebody who follows a tutorial to the letter: files are written, commands run, outputs compared."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from srl_pipeline_tests.docs.markdown import Block

HOME_IN_TEXT = "/home/you"


class Reader:
    """Has a home of their own.

    Attributes:
        printed: Line of a command -> what it printed.
    """

    def __init__(
        self, document: str, home: Path, files: Path, given: Mapping[str, str], instead: Mapping[str, str]
    ) -> None:
        """``files``: below which the document's files lie. ``given``: variables. ``instead``: text -> what is there."""
        self.document, self.home, self.files, self.given = document, home, files, given
        self.instead = {HOME_IN_TEXT: str(home), **instead}
        self.printed: dict[int, str] = {}
        self._state = home / "state.sh"
        self._state.write_text("")

    def follow(self, blocks: list[Block]) -> None:
        """Write each file, run each command; a command's output must hold the text block after it."""
        last = ""
        for block in blocks:
            if block.language == "bash":
                last = self.printed[block.line] = self._run(block)
            elif block.language == "text":
                wanted = self._here(block.body)
                assert wanted in last, f"{self.document}:{block.line} promises\n{wanted}\nbut it printed\n{last}"
            else:
                file = self.files / block.title
                assert file.parent.is_dir(), f"{self.document}:{block.line}: there is no folder for {block.title}"
                file.write_text(self._here(block.body), encoding="utf-8")

    def _here(self, text: str) -> str:
        for old, new in self.instead.items():
            text = text.replace(old, new)
        return text

    def _run(self, block: Block) -> str:
        """Run a block in a shell that knows what the blocks before it exported."""
        script = f". {self._state}; trap 'export -p > {self._state}' EXIT; set -e\n{self._here(block.body)}"
        environment = {
            "HOME": str(self.home),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "SRL_HOME": str(self.home / "srl"),
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",  # matrices this small are slower on several threads
            "COLUMNS": "120",
            **self.given,
        }
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.home,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == block.status, f"{self.document}:{block.line}\n{done.stdout[-3000:]}"
        return re.sub(r" +$", "", done.stdout, flags=re.MULTILINE)  # tables are padded
