"""What stands around the prompts in the step browser: a guide, links, and a table a stage. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from srl_pipeline.evaluation.answer_view import figure
from srl_pipeline.evaluation.markup import Html, element
from srl_pipeline.evaluation.wording import stage_name
from srl_pipeline.training.step_records import Answers, SampledPrompt, StepSamples

GUIDE = (
    (
        "Likeliest answer",
        "The student always takes its most likely next word. This is how it is validated, evaluated and used.",
    ),
    (
        "Sampled answers",
        "Drawn by chance as in training, with the same random numbers before and after: "
        "what differs comes from the weights.",
    ),
    (
        "Reward",
        "SRL rewards a step: text (how alike it is to the expert's, letter by letter), fields (value by value) and "
        "rules (share of the step's rules that hold, by weight); what cannot be read earns a penalty. RLVR rewards a "
        "whole solution, and only if it breaks no hard rule; steps, the share of good steps, is shown beside it.",
    ),
    (
        "Advantage",
        "The reward compared with the other answers of the group, in standard deviations. Training makes answers above "
        "zero likelier and those below less likely.",
    ),
    (
        "Kept for training",
        "A group whose answers differ enough in reward (SRL), or of which some are right and some are wrong (RLVR). "
        "In the others there is nothing to prefer. These very prompts need not have been drawn in training.",
    ),
    (
        "Verdict",
        "Model C checks form and rules, always in the same way. A hard rule must hold; a soft one only costs reward.",
    ),
    (
        "Marked fields",
        "Fields with ≠ differ from the nearest of the expert's answers. They may be as good: see the rules.",
    ),
)


def guide() -> Html:
    """What the words on the page mean."""
    words = [part for name, text in GUIDE for part in (element("dt", name), element("dd", text))]
    return element(
        "details", element("summary", "How to read this page"), element("dl", *words, class_="words"), class_="guide"
    )


def navigation(stages: Sequence[StepSamples]) -> Html:
    """Links to all prompts."""
    parts: list[Html] = []
    for samples in stages:
        links = [
            element(
                "li",
                element(
                    "a",
                    name_of(prompt, i),
                    element("small", f"{prompt.band} · reward {mean_reward(prompt.begin)} → {mean_reward(prompt.end)}"),
                    href=f"#{id_of(samples, i)}",
                ),
            )
            for i, prompt in enumerate(samples.prompts)
        ]
        parts += [element("h2", stage_name(samples.stage)), element("ol", *links)]
    return element("nav", *parts, aria_label="Prompts")


def overview(samples: StepSamples) -> Html:
    """A row a prompt of one stage: rewards and right answers, before and after."""
    columns = ("prompt", "reward before", "after", f"{right_word(samples.stage)} before", "after")
    head = [element("th", name, scope="col", class_="figure" if i else None) for i, name in enumerate(columns)]
    rows: list[Html] = []
    for i, prompt in enumerate(samples.prompts):
        sides = (prompt.begin, prompt.end)
        cells = [*(mean_reward(side) for side in sides), *(right_count(side) for side in sides)]
        link = element("td", element("a", name_of(prompt, i), href=f"#{id_of(samples, i)}"), " ", prompt.brief)
        rows.append(element("tr", link, *(element("td", cell, class_="figure") for cell in cells)))
    return element("table", element("thead", element("tr", *head)), element("tbody", *rows), class_="overview")


def name_of(prompt: SampledPrompt, index: int) -> str:
    """A prompt in two words; ``index`` is its place in the stage."""
    return f"Solution {index + 1}" if prompt.step is None else f"{prompt.step + 1}. {prompt.title}"


def right_word(stage: str) -> str:
    """What a right answer of a stage is called."""
    return "as the expert" if stage == "srl" else "verified"


def mean_reward(answers: Answers | None) -> str:
    """Mean reward of the sampled answers."""
    if answers is None or not answers.sampled:
        return figure(None)
    return figure(sum(a.reward for a in answers.sampled) / len(answers.sampled))


def right_count(answers: Answers | None) -> str:
    """How many of the sampled answers are right."""
    return f"{sum(a.correct for a in answers.sampled)} of {len(answers.sampled)}" if answers else figure(None)


def id_of(samples: StepSamples, index: int) -> str:
    """Where links to a prompt lead."""
    return f"{samples.stage}-{index + 1}"
