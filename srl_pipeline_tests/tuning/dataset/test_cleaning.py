"""Scrubbing prose, refusing what Model C verified, and never telling what was found."""

from __future__ import annotations

import json
from typing import Any

import pytest

from srl_pipeline.contracts import Json
from srl_pipeline.teachers.calls.records import Message
from srl_pipeline.teachers.prompted.prompt import answer_text
from srl_pipeline.teachers.prompted.secrets import SecretFilter
from srl_pipeline.tuning.dataset import clean
from srl_pipeline.tuning.records import GraderItem, TuningExample

from .world import SECRET

NOBODY = SecretFilter(environment={})
ACTION: dict[str, Json] = {"stone": "flint", "storeys": 2}


def example(**changes: Any) -> TuningExample:
    fields: dict[str, Any] = {
        "id": "e",
        "trajectory": "t",
        "split": "train",
        "system": "You design houses.",
        "messages": [Message(role="user", content="Choose the stone.")],
        "answer": answer_text("flint is near", ACTION),
        "rejected": answer_text("flint is near", ACTION | {"storeys": 9}),
        "item": GraderItem(axes={"region": "coast"}, facts={"region": {"stone": "flint"}}, before={}, step=0),
    }
    return TuningExample(**(fields | changes))


def item(**changes: Any) -> GraderItem:
    return example().item.model_copy(update=changes)


def test_an_example_with_nothing_in_it_stays_as_it_is() -> None:
    cleaned = clean(example(), NOBODY)
    assert (cleaned.example, cleaned.findings) == (example(), [])


def test_equal_values_have_one_placeholder_and_others_another() -> None:
    text = "a@b.de wrote to c@d.de, and A@B.DE answered; call +49 30 1234567"
    kept = clean(example(messages=[Message(role="user", content=text)]), NOBODY).example
    assert kept
    assert kept.messages[0].content == "[email 1] wrote to [email 2], and [email 1] answered; call [phone number 1]"


def test_prompt_reasoning_and_rejected_answer_are_scrubbed_with_the_same_placeholders() -> None:
    told = "Write to a@b.de."
    cleaned = clean(
        example(
            system=told,
            messages=[Message(role="user", content=told)],
            answer=answer_text("c@d.de says a@b.de", ACTION),
            rejected=answer_text("c@d.de", ACTION | {"storeys": 9}),
        ),
        NOBODY,
    )
    kept = cleaned.example
    assert kept
    assert (kept.system, kept.messages[0].content) == ("Write to [email 1].",) * 2
    assert json.loads(kept.answer) == {"reasoning": "[email 2] says [email 1]", "action": ACTION}
    assert json.loads(str(kept.rejected)) == {"reasoning": "[email 2]", "action": ACTION | {"storeys": 9}}
    assert [f.place for f in cleaned.findings] == ["system", "message 1", "reasoning", "reasoning", "rejected"]
    assert {f.example for f in cleaned.findings} == {kept.id} != {"e"}


@pytest.mark.parametrize(
    ("place", "changes"),
    [
        ("action", {"answer": answer_text("r", {"owner": "a@b.de"})}),
        ("action", {"answer": answer_text("r", {"host": ["10.1.2.3"]})}),
        ("action", {"answer": answer_text("r", {"number": 4111111111111111})}),
        ("rejected", {"rejected": answer_text("r", {"owner": "a@b.de"})}),
        ("facts", {"item": item(facts={"region": {"mayor": "a@b.de"}})}),
        ("axes", {"item": item(axes={"owner": "a@b.de"})}),
        ("before", {"item": item(before={"owner": "a@b.de"})}),
    ],
)
def test_what_was_verified_is_not_changed_but_refused(place: str, changes: dict[str, Any]) -> None:
    cleaned = clean(example(**changes), NOBODY)
    assert cleaned.example is None
    assert [(f.place, f.done) for f in cleaned.findings] == [(place, "refused")]


@pytest.mark.parametrize(
    ("place", "changes"),
    [
        ("system", {"system": SECRET}),
        ("message 1", {"messages": [Message(role="user", content=f"the key {SECRET}")]}),
        ("answer", {"answer": answer_text(f"it is {SECRET}", ACTION)}),
        ("answer", {"answer": answer_text("r", {"key": SECRET})}),
        ("rejected", {"rejected": answer_text(SECRET, ACTION)}),
        ("item", {"item": item(facts={"region": {"key": SECRET}})}),
    ],
)
def test_a_secret_is_refused_wherever_it_stands_and_never_told(place: str, changes: dict[str, Any]) -> None:
    cleaned = clean(example(**changes), NOBODY)
    assert cleaned.example is None
    assert [(f.place, f.kind, f.done) for f in cleaned.findings] == [(place, "secret", "refused")]
    assert SECRET not in "".join(f.model_dump_json() for f in cleaned.findings)


@pytest.mark.parametrize("text", ["no JSON", '{"action":{}}', '{"reasoning":"r","action":[]}'])
def test_an_answer_that_cannot_be_read_is_refused(text: str) -> None:
    assert [f.kind for f in clean(example(answer=text), NOBODY).findings] == ["unreadable"]


def test_the_marks_around_data_are_left_alone_also_where_they_look_like_a_number() -> None:
    block = "<<<DATA 4111111111111111 brief>>>\nPay 4111111111111111.\n<<<END 4111111111111111>>>"
    kept = clean(example(messages=[Message(role="user", content=block)]), NOBODY).example
    assert kept
    assert kept.messages[0].content == block.replace("Pay 4111111111111111", "Pay [card number 1]")


def test_an_escaped_line_end_is_no_part_of_the_address_after_it() -> None:
    quoted = json.dumps([{"reasoning": "ask\nanna@b.de\tnow"}])
    kept = clean(example(messages=[Message(role="user", content=quoted)]), NOBODY).example
    assert kept
    assert json.loads(kept.messages[0].content) == [{"reasoning": "ask\n[email 1]\tnow"}]


def test_what_was_scrubbed_has_nothing_left_to_scrub() -> None:
    dirty = example(answer=answer_text("a@b.de, 4111 1111 1111 1111, DE89 3704 0044 0532 0130 00, 8.8.4.4", ACTION))
    once = clean(dirty, NOBODY).example
    assert once
    assert once != dirty
    assert clean(once, NOBODY).findings == []
