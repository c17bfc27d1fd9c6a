"""One DynamoDB table, opened: strongly consistent reads, conditional transactions, and what is tried again."""

# pyright: reportMissingTypeStubs=false
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any, TypeVar, cast

from tenacity import Retrying, retry_if_exception, retry_if_exception_type, stop_after_delay, wait_random_exponential

from srl_pipeline.errors import PipelineError
from srl_pipeline.registry.dynamo.faults import failed_conditions, passes, told
from srl_pipeline.registry.dynamo.writes import Item, Value, Write, decode, encode, expressions

T = TypeVar("T")
PATIENCE_SECONDS = 30.0
"""How long a request is tried again: as long as a write on SQLite waits."""
KEYS = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
ATTRIBUTES = [{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "S"}]
_CONNECTING = Lock()
"""boto3's session is not safe to use from threads; its clients are."""
EXPIRES = "ttl"
"""Attribute of items that DynamoDB may remove by itself: seconds since 1970."""


class Refused(Exception):
    """A transaction was not carried out, for conditions did not hold; ``failed`` are the places of these writes."""

    def __init__(self, failed: frozenset[int]) -> None:
        super().__init__(f"conditions {sorted(failed)} did not hold")
        self.failed = failed


class Table:
    """Safe to use from threads. Raises PipelineError for whatever is wrong with table, network, rights or credentials.

    Args:
        client: boto3's, without retries of its own: what is tried again, and how long, is decided here alone.
    """

    def __init__(self, name: str, client: Any) -> None:
        self.name = name
        self._client = client

    def check(self) -> None:
        """Raises PipelineError where the table is missing, is being made or removed, or has other keys."""
        found = self.call("DescribeTable", TableName=self.name)["Table"]
        if found["KeySchema"] != KEYS or any(a not in found["AttributeDefinitions"] for a in ATTRIBUTES):
            raise PipelineError(
                "The table has other keys than the text attributes pk and sk: it is not one of this program.",
                where=f"DynamoDB table {self.name}",
                mend="Name another table in SRL_STATE; `srl-pipeline state create` makes one that is missing.",
            )
        if found["TableStatus"] not in ("ACTIVE", "UPDATING"):
            raise PipelineError(
                f"The table is {found['TableStatus'].lower()}.",
                where=f"DynamoDB table {self.name}",
                mend="Wait until it is active, then run again.",
            )

    def wait_until_active(self, *, tries: int, seconds: int) -> None:
        """Wait for a table that was just made; raises PipelineError where it does not come."""
        from botocore.exceptions import WaiterError

        try:
            waiter = self._client.get_waiter("table_exists")
            waiter.wait(TableName=self.name, WaiterConfig={"Delay": seconds, "MaxAttempts": tries})
        except WaiterError as error:
            raise told(error, "DescribeTable", self.name, self._client.meta.endpoint_url) from error

    def get(self, pk: str, sk: str) -> Item | None:
        """One item, as it is now."""
        answer = self.call("GetItem", TableName=self.name, Key=encode({"pk": pk, "sk": sk}), ConsistentRead=True)
        return decode(answer["Item"]) if "Item" in answer else None

    def get_together(self, keys: Sequence[tuple[str, str]]) -> list[Item | None]:
        """Up to 100 items as they are at one moment, in the order of ``keys``."""
        asked = [{"Get": {"TableName": self.name, "Key": encode({"pk": pk, "sk": sk})}} for pk, sk in keys]
        answer = self.call("TransactGetItems", TransactItems=asked)
        return [decode(found["Item"]) if found.get("Item") else None for found in answer["Responses"]]

    def query(
        self,
        pk: str,
        *,
        between: tuple[str, str] | None = None,
        having: Mapping[str, Value] | None = None,
        newest_first: bool = False,
        last: int | None = None,
    ) -> list[Item]:
        """Items of a partition by their ``sk``, all pages.

        Args:
            between: Smallest and largest ``sk``.
            having: Attributes that must have these values; what has others is read, and paid for, all the same.
            last: So many at the most.
        """
        if last is not None and last <= 0:
            return []
        condition, values = "#pk = :pk", dict[str, Value](pk=pk)
        if between:
            condition += " AND #sk BETWEEN :from AND :to"
            values |= {"from": between[0], "to": between[1]}
        request: dict[str, Any] = {"TableName": self.name, "ConsistentRead": True, "ScanIndexForward": not newest_first}
        wanted = having or {}
        text = " AND ".join(f"#{name} = :{name}" for name in wanted)
        if text:
            request["FilterExpression"] = text
        elif last is not None:
            request["Limit"] = last
        request |= {"KeyConditionExpression": condition, **expressions(condition + text, {**values, **wanted})}
        found: list[Item] = []
        while True:
            answer = self.call("Query", **request)
            found += [decode(item) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer or (last is not None and len(found) >= last):
                return found[:last]
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def scan(self, pk_begins: str) -> list[Item]:
        """Items of all partitions whose names begin so, in no order. Reads, and pays for, the whole table."""
        text, found = "begins_with(#pk, :begins)", list[Item]()
        request: dict[str, Any] = {"TableName": self.name, "ConsistentRead": True, "FilterExpression": text}
        request |= expressions(text, {"begins": pk_begins})
        while True:
            answer = self.call("Scan", **request)
            found += [decode(item) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                return found
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def write(self, writes: Sequence[Write]) -> None:
        """All of ``writes`` or none; raises `Refused` where a condition does not hold.

        A request whose answer was lost is sent again: a condition must tell a second time from a first one.
        """
        self.call("TransactWriteItems", TransactItems=[write.request(self.name) for write in writes])

    def call(self, operation: str, **request: Any) -> Any:
        """Ask; what passes by itself is tried again for `PATIENCE_SECONDS`."""
        from botocore.exceptions import BotoCoreError, ClientError

        retrying = Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, Exception) and passes(error)),
            wait=wait_random_exponential(multiplier=0.02, max=2),
            stop=stop_after_delay(PATIENCE_SECONDS),
            reraise=True,
        )
        ask: Callable[..., Any] = getattr(self._client, _method(operation))
        try:
            return retrying(ask, **request)
        except (BotoCoreError, ClientError) as error:
            if failed := failed_conditions(error):
                raise Refused(failed) from None
            raise told(error, operation, self.name, self._client.meta.endpoint_url) from error

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()


def open_table(name: str) -> Table:
    """The table, checked; raises PipelineError where it cannot be used."""
    table = connect(name)
    table.check()
    return table


def connect(name: str) -> Table:
    """The table, whether it is there or not. Region, endpoint and credentials are found as boto3 finds them."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    config = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=10, max_pool_connections=64)
    try:
        with _CONNECTING:
            return Table(name, cast("Any", boto3).client("dynamodb", config=config))
    except BotoCoreError as error:
        raise told(error, "", name, "") from error


def until_settled(work: Callable[[], T], table: Table) -> T:
    """``work`` again while others write the same: it reads anew each time, and raises `Refused` where it lost."""
    retrying = Retrying(
        retry=retry_if_exception_type(Refused),
        wait=wait_random_exponential(multiplier=0.01, max=0.2),  # of those that lose, one wins next
        stop=stop_after_delay(PATIENCE_SECONDS),
        reraise=True,
    )
    try:
        return retrying(work)
    except Refused as refused:
        raise PipelineError(
            f"Others wrote the same for {PATIENCE_SECONDS:.0f} seconds; nothing was kept.",
            where=f"DynamoDB table {table.name}",
            mend="Run again; where it stays, run fewer at once.",
        ) from refused


def _method(operation: str) -> str:
    """boto3's name of an operation."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in operation).lstrip("_")
