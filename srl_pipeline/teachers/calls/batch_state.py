"""Which batches were handed in and not yet settled; outlives the process and a loss of power."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from pydantic import TypeAdapter

from srl_pipeline.contracts import Record
from srl_pipeline.errors import TeacherError
from srl_pipeline.registry import Hold
from srl_pipeline.registry.sqlite import Database
from srl_pipeline.teachers.calls.claims import Claims

VERSION = 1
SCHEMA = "CREATE TABLE batches (tag TEXT PRIMARY KEY, id TEXT, holds TEXT NOT NULL)"
_HOLDS = TypeAdapter(dict[str, Hold])


class OpenBatch(Record):
    """A batch on its way.

    Attributes:
        id: The vendor's; None: not known whether it was handed in.
        holds: Key of each call in it -> the money set aside.
    """

    tag: str
    id: str | None
    holds: dict[str, Hold]


class BatchState:
    """Open batches in a SQLite file, for one process at a time.

    Raises PipelineError for a file that cannot be used, TeacherError while another process uses it.
    """

    def __init__(self, file: Path) -> None:
        def refuse(_: float) -> None:
            raise TeacherError(
                "Another process is waiting for these batches.", where=str(file), mend="Let it finish, or end it."
            )

        self._claim = ExitStack()
        self._claim.enter_context(Claims(file.with_name(file.name + ".claims")).claim("collector", refuse))
        self._database = Database(file, kind="list of batches", version=VERSION, schema=SCHEMA)

    def open(self) -> list[OpenBatch]:
        """All that were begun and not ended."""
        rows = self._database.read("SELECT tag, id, holds FROM batches ORDER BY rowid")
        return [OpenBatch(tag=tag, id=key, holds=_HOLDS.validate_json(holds)) for tag, key, holds in rows]

    def begin(self, batch: OpenBatch) -> None:
        """It is about to be handed in."""
        row = (batch.tag, batch.id, _HOLDS.dump_json(batch.holds).decode())
        self._write("INSERT INTO batches VALUES (?, ?, ?)", row)

    def submitted(self, tag: str, batch_id: str) -> None:
        """It was handed in."""
        self._write("UPDATE batches SET id = ? WHERE tag = ?", (batch_id, tag))

    def end(self, tag: str) -> None:
        """It is settled, or was never handed in."""
        self._write("DELETE FROM batches WHERE tag = ?", (tag,))

    def close(self) -> None:
        """Give the file back."""
        self._database.close()
        self._claim.close()

    def _write(self, statement: str, row: tuple[str | None, ...]) -> None:
        self._database.write(lambda db: db.execute(statement, row).rowcount, durable=True)
