"""The step browser: what the student answered to a few prompts before and after each stage, as one static page. Pure.

Lore and answers are hostile text: everything is escaped by `markup`, and the page's content policy lets nothing run.
"""

from __future__ import annotations

from collections.abc import Sequence

from srl_pipeline.evaluation.answer_view import (
    FULL_BALANCE,
    figure,
    full_answer,
    outcome,
    pairs,
    pill,
    signed,
    text_block,
)
from srl_pipeline.evaluation.markup import Html, balance, bar, document, element
from srl_pipeline.evaluation.steps_overview import (
    guide,
    id_of,
    mean_reward,
    name_of,
    navigation,
    overview,
    right_count,
    right_word,
)
from srl_pipeline.evaluation.steps_style import STYLE
from srl_pipeline.evaluation.wording import stage_name
from srl_pipeline.training.step_records import Answer, Answers, SampledPrompt, StepSamples

STEPS_PAGE = "steps.html"


def steps_page(model_type: str, stages: Sequence[StepSamples]) -> str:
    """The whole page."""
    title = f"Step by step: {model_type.replace('_', ' ')}"
    header = element(
        "header",
        element("h1", title),
        element(
            "p",
            "What the student answers to a few prompts, before and after each stage. A look at single answers: whether "
            "a stage helped is measured in ",
            element("a", "the report", href="report.md"),
            ".",
            class_="lead quiet",
        ),
        guide(),
    )
    body = [_stage(samples) for samples in stages] or [element("p", "No prompt was sampled.")]
    return document(title, STYLE, header, navigation(stages), element("main", *body))


def _stage(samples: StepSamples) -> Html:
    unchanged = samples.prompts and all(p.begin == p.end for p in samples.prompts)
    same = " Every answer is the same before and after." if unchanged else ""
    per = len(samples.prompts[0].begin.sampled) if samples.prompts else 0
    how = (
        f"{len(samples.prompts)} prompts, each with the likeliest answer and {per} sampled ones "
        f"(temperature {samples.temperature:g}).{same}"
        if samples.prompts
        else "No prompt was sampled."
    )
    return element(
        "section",
        element("h2", _heading(samples.stage)),
        element("p", how, class_="quiet"),
        overview(samples) if samples.prompts else None,
        *(_prompt(samples, i, prompt) for i, prompt in enumerate(samples.prompts)),
    )


def _heading(stage: str) -> str:
    told = {"srl": "SRL: one step at a time, beside the expert", "rlvr": "RLVR: whole solutions, judged by Model C"}
    return told.get(stage, stage_name(stage))


def _prompt(samples: StepSamples, index: int, prompt: SampledPrompt) -> Html:
    chips = element(
        "span",
        pill(prompt.band),
        pill("held back" if prompt.held_back else "trained on"),
        class_="chips",
    )
    ask = element(
        "div",
        element("h3", name_of(prompt, index), chips),
        element("p", prompt.brief, class_="brief"),
        _context(prompt),
        element("details", element("summary", "All that the student read"), text_block(prompt.text)),
        class_="ask",
    )
    right = right_word(samples.stage)
    before = _side("Before", prompt.begin, right)
    after = _side("After", prompt.end, right) if prompt.end else element("div", "The stage did not end.", class_="side")
    return element(
        "article", ask, element("div", before, after, class_="sides"), class_="prompt", id=id_of(samples, index)
    )


def _context(prompt: SampledPrompt) -> Html | None:
    """What the expert did before, and here."""
    parts: list[Html] = []
    if prompt.before:
        steps = [
            element("li", element("b", title), pairs(action))
            for title, action in zip(prompt.before_titles, prompt.before, strict=True)
        ]
        parts.append(element("div", element("h4", "The expert's steps before"), element("ul", *steps, class_="steps")))
    if prompt.expert:
        name = "The expert's answer" if len(prompt.expert) == 1 else "The expert's answers: any of them counts"
        answers = [element("li", pairs(action)) for action in prompt.expert]
        parts.append(element("div", element("h4", name), element("ul", *answers, class_="steps")))
    return element("div", *parts, class_="context") if parts else None


def _side(name: str, answers: Answers, right: str) -> Html:
    state = pill("kept for training", "good") if answers.kept else pill("left out of training")
    group = element(
        "p",
        element("span", element("b", mean_reward(answers)), " mean reward"),
        element("span", element("b", right_count(answers)), f" {right}"),
        class_="group",
    )
    titles = element("div", *(element("span", t) for t in ("", "reward", "advantage", "verdict")), class_="columns")
    return element(
        "div",
        element("div", element("h4", name), class_="head"),
        element(
            "div",
            element("div", element("h4", "Likeliest answer"), outcome(answers.greedy), class_="head"),
            full_answer(answers.greedy),
            class_="likeliest",
        ),
        element("div", element("h4", f"{len(answers.sampled)} sampled answers"), state, class_="head"),
        group,
        titles,
        element("div", *(_sampled(answer) for answer in answers.sampled), class_="sampled"),
        class_="side",
    )


def _sampled(answer: Answer) -> Html:
    advantage = answer.advantage or 0.0
    line = (
        element("span", figure(answer.reward)),
        bar(answer.reward),
        element("span", signed(advantage)),
        balance(advantage, FULL_BALANCE),
        outcome(answer),
    )
    inner = element("div", full_answer(answer), class_="inner")
    return element("details", element("summary", *line), inner, class_="answer")
