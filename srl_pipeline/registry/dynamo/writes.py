"""Items and conditional writes, as DynamoDB's API takes them. Values are text and whole numbers: both are kept exactly.

In expressions ``#name`` is an attribute and ``:name`` a value; names of attributes are always spelled so, for hundreds
of words are reserved.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from srl_pipeline.errors import PipelineError

Value: TypeAlias = str | int
Item: TypeAlias = dict[str, Value]
"""With its keys ``pk`` and ``sk``."""
LARGEST_ITEM = 400 * 1024
"""Bytes, names of attributes included: DynamoDB's limit."""
NEW = "attribute_not_exists(#pk)"
"""The condition that there is no such item yet."""


@dataclass(frozen=True)
class Write:
    """One write of a transaction. For ``Put``, ``item`` is all of it; else its keys alone.

    Attributes:
        change: Update expression; for ``Update`` only.
        only_if: Condition under which the transaction is carried out; empty for none.
        values: Values in both expressions.
    """

    kind: Literal["Put", "Update", "Delete"]
    item: Item
    change: str = ""
    only_if: str = ""
    values: Mapping[str, Value] = field(default_factory=dict[str, Value])

    def request(self, table: str) -> dict[str, Any]:
        """A member of ``TransactItems``; raises PipelineError for an item that is too large."""
        inner: dict[str, Any] = {"TableName": table, "Item" if self.kind == "Put" else "Key": encode(self.item)}
        if self.kind == "Put":
            _check_size(self.item, table)
        if self.change:
            inner["UpdateExpression"] = self.change
        if self.only_if:
            inner["ConditionExpression"] = self.only_if
        return {self.kind: inner | expressions(self.change + self.only_if, self.values)}


def expressions(text: str, values: Mapping[str, Value]) -> dict[str, Any]:
    """Names and values of what stands in expressions."""
    names = {f"#{name}": name for name in re.findall(r"#(\w+)", text)}
    found: dict[str, Any] = {"ExpressionAttributeNames": names} if names else {}
    if values:
        found["ExpressionAttributeValues"] = encode({f":{name}": value for name, value in values.items()})
    return found


def encode(item: Mapping[str, Value]) -> dict[str, dict[str, str]]:
    """With types, as the API takes it."""
    return {name: {"S": value} if isinstance(value, str) else {"N": str(value)} for name, value in item.items()}


def decode(item: Mapping[str, Mapping[str, str]]) -> Item:
    """What `encode` was given. Raises KeyError for a type that it never makes."""
    return {name: int(typed["N"]) if "N" in typed else typed["S"] for name, typed in item.items()}


def _check_size(item: Item, table: str) -> None:
    size = sum(len(name.encode()) + len(str(value).encode()) for name, value in item.items())
    if size > LARGEST_ITEM:
        raise PipelineError(
            f"A record has {size:,} bytes; DynamoDB keeps {LARGEST_ITEM:,} at the most.",
            where=f"DynamoDB table {table}, {item['pk']} {item['sk']}",
            mend="Make the record smaller: large things belong into artifacts, to which a record refers by version.",
        )
