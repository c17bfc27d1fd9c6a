"""The history in a DynamoDB table."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from srl_pipeline.canonical import dumps
from srl_pipeline.registry.dynamo.sequence import Numbered, place
from srl_pipeline.registry.dynamo.table import Table
from srl_pipeline.registry.dynamo.writes import NEW, Item, Write
from srl_pipeline.registry.history import Entry


class DynamoHistory:
    """Implements `History`. A model type is a partition; an entry's key is its asset and its number."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._sequence = Numbered[Entry](table, "HISTORY")

    def append(self, entry: Entry) -> Entry:
        """Keep ``entry``; where the newest of its asset is the same, that is returned as it is."""

        def plan(number: int) -> tuple[Entry, Sequence[Write]]:
            newest = self.entries(entry.asset, entry.model_type, last=1)
            if newest and (newest[0].data_version, newest[0].at) == (entry.data_version, entry.at):
                return newest[0], ()
            kept = entry.model_copy(update={"seq": number})
            item: Item = {
                "pk": _partition(entry.model_type),
                "sk": f"{_asset(entry.asset)}{place(number)}",
                "record": dumps(kept.model_dump(mode="json")),
            }
            return kept, [Write("Put", item, only_if=NEW)]

        return self._sequence.append(plan)

    def entries(self, asset: str, model_type: str, *, last: int | None = None) -> list[Entry]:
        """The entries of an asset of a model type, oldest first; of these the ``last`` so many."""
        name = _asset(asset)
        between = (f"{name}0", f"{name}:")  # every number: a colon comes after all digits
        found = self._table.query(_partition(model_type), between=between, newest_first=True, last=last)
        return [_entry(item) for item in reversed(found)]

    def all_entries(self, model_type: str) -> list[Entry]:
        """Everything of a model type, oldest first."""
        return sorted(map(_entry, self._table.query(_partition(model_type))), key=lambda entry: entry.seq)

    def close(self) -> None:
        """Give the connections back. Nothing may be under way."""
        self._table.close()


def _partition(model_type: str) -> str:
    return f"HISTORY#{model_type}"


def _asset(name: str) -> str:
    """No name is the beginning of another one's key."""
    return f"{quote(name, safe='')}#"


def _entry(item: Item) -> Entry:
    return Entry.model_validate_json(str(item["record"]))
