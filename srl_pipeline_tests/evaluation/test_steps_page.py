"""The step browser: everything is there, nothing runs."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from srl_pipeline.evaluation.markup import escaped
from srl_pipeline.evaluation.steps_page import steps_page
from srl_pipeline.training.step_records import SampledPrompt, StepSamples

from .step_builders import EXPERT, answer, answers, prompt, samples, violation, written

HOSTILE = "</pre></details><script>alert(1)</script><img src=x onerror=alert(1)>\"'<!--"
VOID = {"meta"}


class Seen(HTMLParser):
    """What a browser would make of a page. Raises where an element is not closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def hostile() -> StepSamples:
    """Hostile wherever a pack or a student writes."""
    action = {HOSTILE: HOSTILE, "list": [HOSTILE]}
    bad = answer(action, violation(HOSTILE, rule_id=HOSTILE), text=HOSTILE, nearest={HOSTILE: 1}, parts={HOSTILE: 1.0})
    bad = bad.model_copy(update={"steps": [written(action, violation(HOSTILE), thought=HOSTILE)]})
    episode = answer(text=HOSTILE, error=HOSTILE, steps=[written(action, thought=HOSTILE)], nearest=None)
    given = prompt(
        0,
        title=HOSTILE,
        brief=HOSTILE,
        band=HOSTILE,
        text=HOSTILE,
        before=[action],
        before_titles=[HOSTILE],
        expert=[action, action],
        begin=answers(bad, episode, greedy=bad),
        end=answers(episode, greedy=episode),
    )
    return samples("srl", given)


def test_lore_and_answers_cannot_become_markup() -> None:
    plain, attacked = Seen(steps_page("houses", [samples("srl", prompt())])), Seen(steps_page(HOSTILE, [hostile()]))
    assert set(attacked.tags) <= set(plain.tags) | {"blockquote"}
    assert not {"script", "img", "iframe", "link"} & set(attacked.tags)
    assert attacked.text.count("<script>alert(1)</script>") > 20


def test_nothing_is_loaded_and_nothing_runs() -> None:
    page = Seen(steps_page("houses", [hostile(), samples("rlvr", prompt(step=None))]))
    assert {name for name, _ in page.attributes} & {"src", "style", "srcset", "action", "onclick", "onerror"} == set()
    links = {value for name, value in page.attributes if name == "href"}
    assert links == {"report.md", "#srl-1", "#rlvr-1"}
    assert ("http-equiv", "Content-Security-Policy") in page.attributes


def told(number: int) -> SampledPrompt:
    """A prompt whose four answers are called after it."""
    before, after, first, last = (answer(EXPERT, text=f"answer {number} {place}") for place in range(4))
    return prompt(number, begin=answers(first, greedy=before), end=answers(last, greedy=after))


def test_every_prompt_and_every_answer_is_there() -> None:
    stages = [samples("srl", told(0), told(1)), samples("rlvr", told(2))]
    page = steps_page("houses", stages)
    assert all(page.count(f"<pre>answer {number} {place}</pre>") == 1 for number in range(3) for place in range(4))
    assert all(f"<pre>{escaped(p.text)}</pre>" in page and p.brief in page for s in stages for p in s.prompts)


def test_links_lead_to_the_prompts() -> None:
    page = steps_page("houses", [samples("srl", prompt(0), prompt(1)), samples("rlvr", prompt(2, step=None))])
    ids = re.findall(r'<article class="prompt" id="([^"]+)"', page)
    assert ids == ["srl-1", "srl-2", "rlvr-1"]
    assert set(re.findall(r'href="#([^"]+)"', page)) == set(ids)


def test_before_and_after_stand_side_by_side_with_their_means() -> None:
    before, after = answers(answer(reward=-1.0), answer(EXPERT, reward=0.5)), answers(answer(EXPERT, reward=0.75))
    page = steps_page("houses", [samples("srl", prompt(0, begin=before, end=after))])
    assert re.findall(r"<h4>(Before|After)</h4>", page) == ["Before", "After"]
    assert "reward −0.25 → 0.75" in page
    assert '<td class="figure">1 of 2</td><td class="figure">1 of 1</td>' in page


@pytest.mark.parametrize(("kept", "words"), [(True, "kept for training"), (False, "left out of training")])
def test_a_group_says_whether_it_is_kept(kept: bool, words: str) -> None:
    side = answers(answer(EXPERT), kept=kept)
    page = steps_page("houses", [samples("srl", prompt(0, begin=side, end=side))])
    assert page.count(f">{words}<") == 2


def test_a_stage_that_changed_no_answer_says_so() -> None:
    side = answers(answer(EXPERT))
    words = "Every answer is the same before and after."
    assert words in steps_page("houses", [samples("srl", prompt(0, begin=side, end=side))])
    assert words not in steps_page("houses", [samples("srl", prompt(0))])


@pytest.mark.parametrize(("held_back", "words"), [(True, "held back"), (False, "trained on")])
def test_a_prompt_says_whether_it_is_trained_on(held_back: bool, words: str) -> None:
    assert f">{words}<" in steps_page("houses", [samples("srl", prompt(0, held_back=held_back))])


def test_the_experts_earlier_steps_are_shown() -> None:
    page = steps_page("houses", [samples("srl", prompt(1, before=[{"roof": "reed"}], before_titles=["Roof"]))])
    assert "<b>Roof</b>" in page and "<i>roof</i>reed" in page


@pytest.mark.parametrize(
    "stages", [[], [samples("srl")], [samples("srl", prompt(0))], [samples("srl"), samples("rlvr")]]
)
def test_few_samples_or_none_make_a_page_too(stages: list[StepSamples]) -> None:
    page = Seen(steps_page("houses", stages))
    assert ("No prompt was sampled." in page.text) == (not any(s.prompts for s in stages))


def test_a_stage_that_did_not_end_says_so() -> None:
    assert "The stage did not end." in steps_page("houses", [samples("srl", prompt(0, end=None))])
