"""One answer of the student as HTML: its action beside the expert's, what it earned, what Model C says. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from srl_pipeline.canonical import dumps
from srl_pipeline.contracts import Action, Json, StepResult, Violation
from srl_pipeline.evaluation.markup import Html, balance, bar, element, joined
from srl_pipeline.evaluation.wording import UNKNOWN
from srl_pipeline.training.step_records import Answer, WrittenStep

MAX_TEXT = 6000
"""Characters of a prompt or an answer that are shown."""
MAX_VALUE = 200
"""Characters of one field's value that are shown."""
FULL_BALANCE = 2.0
"""Advantage, in standard deviations, that fills half of its bar."""


def differing(student: Action, expert: Action) -> set[str]:
    """Fields that one of them lacks or that have different values; True is not 1, and 1 is 1.0."""
    names = student.keys() | expert.keys()
    return {n for n in names if n not in student or n not in expert or dumps(student[n]) != dumps(expert[n])}


def action_table(student: Action, expert: Action) -> Html:
    """A row a field: the student's value, the expert's, and a mark where they differ."""
    marked = differing(student, expert)
    names = [*expert, *(name for name in student if name not in expert)]
    rows = [
        element(
            "tr",
            element("td", name),
            _cell(student, name),
            _cell(expert, name),
            class_="differs" if name in marked else None,
        )
        for name in names
    ]
    head = element("tr", *(element("th", title, scope="col") for title in ("field", "student", "expert")))
    return element("table", element("thead", head), element("tbody", *rows), class_="action")


def pairs(action: Action) -> Html:
    """An action on one line."""
    shown = [element("span", element("i", name), _value(value)) for name, value in action.items()]
    return element("span", *(shown or ["{}"]), class_="pairs")


def full_answer(answer: Answer) -> Html:
    """All that is known of an answer."""
    return joined(
        (
            *(_step(step, answer.nearest) for step in answer.steps),
            _problem(answer) if answer.error else None,
            _earned(answer.reward, answer.parts, answer.advantage),
            _written(answer),
        )
    )


def outcome(answer: Answer) -> Html:
    """How an answer fared, in two words."""
    hard = sum(v.severity == "hard" for s in answer.steps for v in s.result.violations)
    if answer.correct:
        return pill("as the expert" if answer.nearest is not None else "verified", "good")
    if answer.error:
        return pill("cut off" if not answer.finished else "not readable", "bad")
    if not all(step.result.structure_ok for step in answer.steps):
        return pill("wrong form", "bad")
    if hard:
        return pill(f"{hard} rule{'s' if hard > 1 else ''} broken", "bad")
    return pill("rules hold", "mark")


def pill(text: str, kind: str = "") -> Html:
    """A label; ``kind`` is good, bad, mark or nothing."""
    return element("span", text, class_=f"pill {kind}".strip())


def signed(value: float) -> str:
    """A figure with its sign, and zero without one."""
    text = f"{value:+.2f}"
    return "0.00" if text in ("+0.00", "-0.00") else text.replace("-", "−")


def figure(value: float | None) -> str:
    """Two decimals, with a real minus."""
    return UNKNOWN if value is None else f"{value:.2f}".replace("-0.00", "0.00").replace("-", "−")


def text_block(text: str) -> Html:
    """A text as it is, cut where it is very long."""
    more = len(text) - MAX_TEXT
    return element("pre", text if more <= 0 else f"{text[:MAX_TEXT]}\n… ({more:,} characters more)")


def _step(step: WrittenStep, expert: Action | None) -> Html:
    """One step that could be read: against the expert where there is one, else by itself under its title."""
    thought = element("blockquote", step.thought) if step.thought else None
    if expert is not None:
        return joined((thought, action_table(step.action, expert), _verdict(step.result)))
    verdict = _verdict(step.result)
    title = element("div", element("b", step.title), class_="head")
    return element("div", title, thought, pairs(step.action), verdict, class_="one-step")


def _verdict(result: StepResult) -> Html:
    if not result.violations:
        return element("div", pill("✓ every rule of this step holds", "good"), class_="verdict")
    what = (
        "Not of the demanded form, so no rule was checked:"
        if not result.structure_ok
        else f"Model C: {100 * result.compliance:.0f} % of the rules hold, by weight. Broken:"
    )
    return element("div", what, element("ul", *(_violation(v) for v in result.violations)), class_="verdict")


def _violation(violation: Violation) -> Html:
    hard = violation.severity == "hard"
    kind = pill(violation.severity, "bad" if hard else "mark")
    return element("li", kind, violation.message, " ", element("code", violation.rule_id, class_="quiet"))


def _problem(answer: Answer) -> Html:
    cut = "" if answer.finished else f" It was cut off after {answer.tokens} tokens."
    where = "From here on it cannot be read" if answer.steps else "It cannot be read"
    return element("p", f"✗ {where}: {answer.error}.{cut}", class_="problem")


def _earned(reward: float, parts: Mapping[str, float], advantage: float | None) -> Html:
    """The parts of the reward as bars, then the reward, then the advantage."""
    rows = [_row(name, bar(value), figure(value)) for name, value in parts.items()]
    rows.append(_row("reward", bar(reward), figure(reward), "total"))
    if advantage is not None:
        rows.append(_row("advantage", balance(advantage, FULL_BALANCE), signed(advantage), "total"))
    return element("table", element("tbody", *rows), class_="parts")


def _row(name: str, drawn: Html, value: str, kind: str | None = None) -> Html:
    return element("tr", element("td", name), element("td", drawn), element("td", value), class_=kind)


def _written(answer: Answer) -> Html:
    tokens = f"As it was written ({answer.tokens} tokens)"
    return element(
        "details",
        element("summary", tokens),
        text_block(answer.text),
        class_="written",
        open=bool(answer.error) and not answer.steps,
    )


def _cell(action: Action, name: str) -> Html:
    if name not in action:
        return element("td", "missing", class_="absent")
    return element("td", _value(action[name]))


def _value(value: Json) -> str:
    """A word as it is where nothing else could be meant by it; all else as JSON."""
    plain = isinstance(value, str) and value and not _reads_as_json(value)
    text = value if plain else dumps(value)
    return text if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]}…"


def _reads_as_json(text: str) -> bool:
    return text in ("true", "false", "null", "missing") or not text[0].isalpha() or text != text.strip()
