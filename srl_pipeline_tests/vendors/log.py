"""Test-only: what a server was asked and what it put on the bill, a line each, on disk."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class LogEntry:
    """One request, written when its outcome is decided; for a batch one for each of its requests as well.

    Attributes:
        idempotency_key: Empty where none was sent.
        question: Hash of the request's body: the same question twice has it twice.
        fault: What went wrong, empty if nothing did.
        billed: Whether it is on the bill.
        replayed: The answer of an earlier request with the same key was given again.
    """

    at: float
    operation: str
    idempotency_key: str
    question: str
    status: int
    fault: str = ""
    billed: bool = False
    replayed: bool = False
    custom_id: str = ""
    input_tokens: int = 0
    output_tokens: int = 0


class RequestLog:
    """Appends to a file; safe to use from several threads."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lock = threading.Lock()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()

    def write(self, entry: LogEntry) -> None:
        line = json.dumps(asdict(entry)) + "\n"
        with self._lock, self.file.open("a", encoding="utf-8") as handle:
            handle.write(line)


def read_log(file: Path) -> list[LogEntry]:
    """All entries so far, also while a server still writes: a line without its end is left out."""
    lines = file.read_text(encoding="utf-8").split("\n")[:-1]
    return [LogEntry(**json.loads(line)) for line in lines]
