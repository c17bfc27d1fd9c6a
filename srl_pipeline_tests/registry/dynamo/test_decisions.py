"""What a look at decisions costs on DynamoDB; what it finds is the contract's business."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from srl_pipeline.clock import now_iso
from srl_pipeline.registry import Decision
from srl_pipeline.registry.decisions import Kind
from srl_pipeline.registry.dynamo.table import open_table
from srl_pipeline.registry.places import open_decisions
from srl_pipeline_tests.aws.state import TABLE, dynamo_state

pytestmark = pytest.mark.chain


def decision(kind: Kind) -> Decision:
    return Decision(
        at=now_iso(), model_type="inns", kind=kind, verdict="no change", subject="s", before="", after="", reasons=["r"]
    )


def test_decisions_of_a_kind_are_found_without_reading_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dynamo_state(monkeypatch)
    with closing(open_decisions(tmp_path)) as decisions, closing(open_table(TABLE)) as table:
        for kind in ("retraining", "promotion", "retraining"):
            decisions.record(decision(kind))
        assert [d.id for d in decisions.decisions("inns", kind="retraining")] == [3, 1]
        assert [d.id for d in decisions.decisions("inns")] == [3, 2, 1]
        assert len(table.query("DECISIONS#inns#retraining")) == 2
        assert decisions.decisions("inns", kind="teacher", last=1) == []
