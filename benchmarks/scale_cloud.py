"""Requests and capacity units on an emulated AWS: what our code really asks of DynamoDB and S3.

Requests are counted where the SDK sends them, and units by DynamoDB's rules: a strongly consistent read costs one for
each 4 KB, a write in a transaction two for each KB. The emulator's times say nothing and are not told.
"""

from __future__ import annotations

import logging
import math
import os
import shutil
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from benchmarks.scale_seed import ASSETS, decision, entry
from benchmarks.scale_timing import Figure

TABLE, BUCKET = "srl-state", "srl-artifacts"
_EMPTY: dict[str, Any] = {
    "inputs": {},
    "config": {},
    "seeds": {},
    "code_version": "",
    "created_at": "2026-01-01T00:00:00+00:00",
    "seconds": 1.0,
    "gates": [],
    "metrics": {},
    "cost_usd": 0.0,
    "digests": {},
}
"""Of a manifest of nothing."""


@dataclass
class Counted:
    """What was asked since it was last cleared."""

    requests: Counter[str] = field(default_factory=Counter[str])
    read_units: int = 0
    write_units: int = 0

    def figures(self, name: str, size: str, per: int = 1) -> list[Figure]:
        """Rows of what was counted, for each of ``per`` times, and a clean sheet."""
        asked = ", ".join(f"{count / per:g} {what}" for what, count in sorted(self.requests.items()))
        rows = [Figure(f"{name}: requests ({asked})", size, sum(self.requests.values()) / per, "requests", per)]
        if self.read_units or self.write_units:
            rows.append(Figure(f"{name}: read units", size, self.read_units / per, "units", per))
            rows.append(Figure(f"{name}: write units", size, self.write_units / per, "units", per))
        self.requests.clear()
        self.read_units = self.write_units = 0
        return rows

    def watch(self, events: Any) -> None:
        """Count what is asked through a session or a client, by its events."""
        events.register("provide-client-params", self.asked)
        events.register("after-call", self.answered)

    def asked(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        """Before a request, as the SDK was given it."""
        self.requests[model.name] += 1
        for write in params.get("TransactItems", []):
            [(kind, what)] = write.items()
            if kind != "Get":
                self.write_units += 2 * math.ceil((_size(what["Item"]) if kind == "Put" else 1) / 1024)

    def answered(self, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        """After it."""
        if model.name == "Query":
            self.read_units += max(1, math.ceil(sum(map(_size, parsed["Items"])) / 4096))
        elif model.name == "GetItem":
            self.read_units += max(1, math.ceil(_size(parsed.get("Item", {})) / 4096))
        elif model.name == "TransactGetItems":
            self.read_units += 2 * len(parsed["Responses"])


def measure_cloud(artifacts: Path | None, versions: int, decisions: int) -> list[Figure]:
    """DynamoDB always; S3 with the artifacts of a real run, where there are any."""
    with emulated() as counted, TemporaryDirectory(prefix="scale-") as folder:
        found = _dynamo(counted, decisions)
        return (
            found
            + _listing(counted, Path(folder), versions)
            + (_s3(counted, artifacts, Path(folder)) if artifacts else [])
        )


@contextmanager
def emulated() -> Generator[Counted]:
    """An empty AWS with a table and a bucket, found by the environment; requests to it are counted."""
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    counted, server = Counted(), ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    os.environ |= {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "SRL_STATE": f"dynamodb://{TABLE}",
        "SRL_STORE": f"s3://{BUCKET}/store",
    }
    aws = cast("Any", boto3)
    aws.setup_default_session()
    try:
        where = {"CreateBucketConfiguration": {"LocationConstraint": "eu-central-1"}}
        aws.client("s3").create_bucket(Bucket=BUCKET, **where)
        from srl_pipeline.registry.dynamo.create import create_table

        create_table(TABLE)
        counted.watch(aws.DEFAULT_SESSION.events)
        yield counted
    finally:
        server.stop()


def _dynamo(counted: Counted, many: int) -> list[Figure]:
    from srl_pipeline.presets import smoke
    from srl_pipeline.registry import Account, Caps
    from srl_pipeline.registry.places import open_decisions, open_history, open_ledger
    from srl_pipeline.retraining import Versions
    from srl_pipeline.retraining.observe import observe

    home, name = Path("unused"), "type_0000"
    history, decisions, ledger = open_history(home), open_decisions(home), open_ledger(home)
    found = counted.figures("DynamoDB: open a table", "one", 3)
    account = Account(run="run", model_type=name, vendor="vendor")
    for _ in range(10):
        ledger.commit(ledger.hold("call", account, 1000, Caps(month=10**12), seconds=60), 900)
    found += counted.figures("DynamoDB: a paid call", "hold and commit", 10)
    for asset in ASSETS:
        history.append(entry(asset, name, 0))
    found += counted.figures("DynamoDB: entries of a generation", f"{len(ASSETS)} appends")
    decisions.record(decision(name, 0))
    found += counted.figures("DynamoDB: a decision", "one")
    versions = Versions(teacher="t", rules="r", lore="l", student="s")

    def look() -> None:
        decisions.settings(name)
        observe(home, history, decisions, name, versions, "search", smoke(), running=False)

    look()
    found += counted.figures("DynamoDB: registry sensor looks at a type", "after 1 generation")
    _earlier(name, many)
    counted.figures("", "")
    look()
    found += counted.figures("DynamoDB: registry sensor looks at a type", f"after {many} generations")
    for kind in ("teacher", "student"):
        decisions.decisions(name, kind=kind, last=1)
    return found + counted.figures("DynamoDB: selection sensor looks at a type", f"after {many} generations")


def _earlier(name: str, many: int) -> None:
    """Items as ``many`` generations leave them, put one by one: the emulator copies the table for a transaction."""
    from srl_pipeline.canonical import dumps
    from srl_pipeline.registry.dynamo import decisions, history
    from srl_pipeline.registry.dynamo.sequence import place
    from srl_pipeline.registry.dynamo.table import connect
    from srl_pipeline.registry.dynamo.writes import encode

    table = connect(TABLE)
    for number in range(2, many + 1):
        kept = decision(name, number).model_copy(update={"id": number})
        items = [write.item for write in decisions._kept(kept)]
        made = entry("registered_model", name, number)
        key = {"pk": history._partition(name), "sk": f"{history._asset('registered_model')}{place(number)}"}
        for item in (*items, {**key, "record": dumps(made.model_dump(mode="json"))}):
            table.call("PutItem", TableName=TABLE, Item=encode(item))
    table.close()


def _listing(counted: Counted, home: Path, versions: int) -> list[Figure]:
    """Manifests alone: they are all that a listing reads."""
    from srl_pipeline.canonical import dumps
    from srl_pipeline.contracts import Manifest
    from srl_pipeline.registry.s3_store import S3ArtifactStore

    store = S3ArtifactStore(f"s3://{BUCKET}/store", home)
    counted.watch(store.bucket.client.meta.events)
    for number in range(versions):
        fields: dict[str, Any] = {"asset": "rule_set", "model_type": "type_0000", "data_version": f"{number:016x}"}
        manifest = Manifest.model_validate(fields | _EMPTY)
        key = f"store/rule_set/type_0000/{number:016x}/manifest.json"
        store.bucket.write(key, dumps(manifest.model_dump(mode="json")).encode(), replacing=None)
    counted.figures("", "")
    found = store.versions("rule_set", "type_0000")
    return counted.figures("S3: list the versions of an asset", f"{len(found):,} versions")


def _s3(counted: Counted, artifacts: Path, home: Path) -> list[Figure]:
    """Commit what a real run made, then fetch it as another machine does."""
    from srl_pipeline.contracts import Manifest
    from srl_pipeline.registry.artifact_rules import names_of
    from srl_pipeline.registry.s3_store import S3ArtifactStore

    here, there = (S3ArtifactStore(f"s3://{BUCKET}/store", home / name) for name in ("here", "there"))
    for store in (here, there):
        counted.watch(store.bucket.client.meta.events)
    found, files, size = list[Figure](), 0, 0
    made = [file for file in sorted(artifacts.glob("*/*/*/manifest.json")) if not file.parts[-4].startswith("_")]
    kept: list[Manifest] = []
    for file in made:
        manifest = Manifest.model_validate_json(file.read_text(encoding="utf-8"))
        work = here.work_folder(*names_of(manifest))
        shutil.copytree(file.parent, work, dirs_exist_ok=True, ignore=shutil.ignore_patterns("manifest.json"))
        here.commit(work, manifest)
        kept.append(manifest)
        contents = [one for one in file.parent.rglob("*") if one.is_file()]
        files, size = files + len(contents), size + sum(one.stat().st_size for one in contents)
    what = f"{len(made)} artifacts of one run"
    found += counted.figures("S3: commit a generation", what)
    for manifest in kept:
        assert there.require(*names_of(manifest)).path.is_dir()
    found += counted.figures("S3: fetch a generation on another machine", what)
    return [
        *found,
        Figure("S3: objects of a generation", what, float(files), "objects"),
        Figure("S3: a generation", what, size / 1e6, "MB"),
    ]


def _size(item: dict[str, dict[str, str]]) -> int:
    """Bytes of an item, names of attributes included, as DynamoDB counts them."""
    return sum(len(name.encode()) + len(str(next(iter(value.values()))).encode()) for name, value in item.items())
