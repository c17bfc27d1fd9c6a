from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from srl_pipeline.training.rollouts import sampling
from srl_pipeline.training.rollouts.sampling import Completion, Sampler
from srl_pipeline.training.students.student import Student

from ..world import adapted, equal, plain_logps, prompts, shake, unfused

Texts = list[list[Completion]]


def never(_: str) -> bool:
    return False


def two_lines(text: str) -> bool:
    return text.count("\n") >= 2


def draw(
    sampler: Sampler,
    student: Student,
    *,
    per_prompt: int = 4,
    max_tokens: int = 24,
    temperature: float = 1.0,
    seed: int = 1,
    stop: Callable[[str], bool] = two_lines,
) -> Texts:
    ids = [p.ids for p in prompts(student)]
    return sampler.sample(
        ids, per_prompt=per_prompt, max_tokens=max_tokens, temperature=temperature, seed=seed, stop=stop
    )


def tokens(found: Texts) -> list[list[list[int]]]:
    """What was sampled, without log-probabilities, whose last digits depend on the shapes computed with."""
    return [[c.ids for c in group] for group in found]


@pytest.fixture
def sampler(student: Student) -> Sampler:
    return Sampler(student.model, student.tokenizer)


def generated(model: Any, ids: list[int], tokens: int) -> list[int]:
    """What transformers' own greedy generation writes."""
    given = torch.tensor([ids])
    out = model.generate(
        input_ids=given, attention_mask=torch.ones_like(given), do_sample=False, max_new_tokens=tokens, use_cache=True
    )
    return out[0, len(ids) :].tolist()


@pytest.mark.parametrize("per_prompt", [1, 3])
def test_greedy_decoding_equals_generate_token_for_token(student: Student, sampler: Sampler, per_prompt: int) -> None:
    found = draw(sampler, student, per_prompt=per_prompt, max_tokens=40, temperature=0.0, stop=never)
    for prompt, completions in zip(prompts(student), found, strict=True):
        assert [c.ids for c in completions] == [generated(student.model, prompt.ids, 40)] * per_prompt
    assert len({len(p.ids) for p in prompts(student)}) > 2


def test_greedy_decoding_with_an_adapter_equals_generate(student: Student) -> None:
    model = adapted(student, shaken=0.3)
    sampler = Sampler(model, student.tokenizer)
    found = draw(sampler, student, per_prompt=1, max_tokens=30, temperature=0.0, stop=never)
    assert [g[0].ids for g in found] == [generated(unfused(model), p.ids, 30) for p in prompts(student)]


def test_the_same_seed_gives_the_same_completions(student: Student, sampler: Sampler) -> None:
    first = draw(sampler, student)
    draw(sampler, student, seed=99)
    torch.manual_seed(0)
    assert draw(sampler, student) == first


def test_another_seed_gives_other_completions(student: Student, sampler: Sampler) -> None:
    assert draw(sampler, student, seed=1) != draw(sampler, student, seed=2)


def test_rollouts_of_one_prompt_differ(student: Student, sampler: Sampler) -> None:
    assert all(len({tuple(c.ids) for c in group}) > 1 for group in draw(sampler, student))


def test_sampling_leaves_the_global_random_state_alone(student: Student, sampler: Sampler) -> None:
    before = torch.random.get_rng_state()
    draw(sampler, student)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("rows", [1, 8, 10])
def test_the_batch_size_does_not_change_what_is_sampled(
    student: Student, sampler: Sampler, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    whole = tokens(draw(sampler, student))
    monkeypatch.setattr(sampling, "MAX_ROWS", rows)
    assert tokens(draw(sampler, student)) == whole


@pytest.mark.parametrize("every", [1, 3, 10**6])
def test_dropping_finished_rows_does_not_change_what_is_sampled(
    student: Student, sampler: Sampler, monkeypatch: pytest.MonkeyPatch, every: int
) -> None:
    usual = draw(sampler, student, max_tokens=40)
    monkeypatch.setattr(sampling, "COMPACT_EVERY", every)
    assert tokens(draw(sampler, student, max_tokens=40)) == tokens(usual)
    lengths = {len(c.ids) for group in usual for c in group}
    assert len(lengths) > 5 and min(lengths) < 10  # rows really end at different times


def test_finished_rows_are_really_dropped(student: Student, sampler: Sampler, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[int] = []
    decode = sampler._decode
    monkeypatch.setattr(sampling, "COMPACT_EVERY", 1)
    monkeypatch.setattr(sampler, "_decode", lambda tokens, *rest: rows.append(len(tokens)) or decode(tokens, *rest))
    draw(sampler, student, max_tokens=40)
    assert rows[0] == 24 and rows[-1] < 24 and rows == sorted(rows, reverse=True)


def test_a_row_ends_at_the_line_end_where_the_callback_says_so(student: Student, sampler: Sampler) -> None:
    found = [c for group in draw(sampler, student, max_tokens=40) for c in group]
    ended = [c for c in found if c.text.count("\n") >= 2]
    assert ended and all(c.finished and c.text.count("\n") == 2 and c.text.endswith("\n") for c in ended)


def test_the_callback_is_asked_when_a_line_has_begun_and_when_it_has_ended(student: Student, sampler: Sampler) -> None:
    seen: list[str] = []
    found = draw(sampler, student, max_tokens=40, stop=lambda text: bool(seen.append(text)))
    ended = [text for text in seen if "\n" in text[-8:]]
    assert ended and len(seen) > len(ended)
    assert len(seen) < sum(len(c.ids) for group in found for c in group) / 2


def test_the_end_token_ends_a_row_and_is_kept_among_the_ids_but_not_in_the_text(
    student: Student, sampler: Sampler
) -> None:
    end = student.tokenizer.eos_token_id
    found = [c for g in draw(sampler, student, per_prompt=16, max_tokens=60, stop=never) for c in g]
    ended = [c for c in found if end in c.ids]
    assert ended and all(c.ids.index(end) == len(c.ids) - 1 and c.finished for c in ended)
    assert not any(student.tokenizer.eos_token in c.text for c in found)


def test_a_row_that_reaches_the_token_limit_is_not_finished(student: Student, sampler: Sampler) -> None:
    found = [c for g in draw(sampler, student, max_tokens=3, stop=never) for c in g]
    assert all(len(c.ids) <= 3 for c in found)
    assert [c.finished for c in found] == [student.tokenizer.eos_token_id in c.ids for c in found]


def test_several_end_tokens_of_the_model_all_end_a_row(student: Student) -> None:
    newline = student.tokenizer("\n", add_special_tokens=False)["input_ids"][0]
    student.model.generation_config.eos_token_id = [student.tokenizer.eos_token_id, newline]
    sampler = Sampler(student.model, student.tokenizer)
    found = [c for g in draw(sampler, student, stop=never) for c in g if newline in c.ids]
    assert found and all(c.ids.index(newline) == len(c.ids) - 1 for c in found)


def test_an_unknown_word_token_ends_no_row(student: Student) -> None:
    student.tokenizer.unk_token = "e"
    unknown = student.tokenizer.unk_token_id
    found = [c for g in draw(Sampler(student.model, student.tokenizer), student, per_prompt=16, stop=never) for c in g]
    assert any(unknown in c.ids[:-1] for c in found)


def test_a_sampler_follows_the_adapter_of_the_moment(student: Student) -> None:
    model = adapted(student)
    sampler = Sampler(model, student.tokenizer)
    before = draw(sampler, student, temperature=0.0, stop=never)
    shake(model, 0.3)
    after = draw(sampler, student, temperature=0.0, stop=never)
    assert [c.ids for g in before for c in g] != [c.ids for g in after for c in g]
    assert [g[0].ids for g in after] == [generated(unfused(model), p.ids, 24) for p in prompts(student)]


@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_a_completion_carries_the_log_probabilities_it_was_sampled_with(student: Student, temperature: float) -> None:
    model = adapted(student, shaken=0.3)
    stock = unfused(model)
    found = draw(Sampler(model, student.tokenizer), student, temperature=temperature)
    for prompt, completions in zip(prompts(student), found, strict=True):
        for completion in completions:
            expected = plain_logps(stock, prompt.ids, completion.ids, temperature)[0].tolist()
            assert completion.logps == pytest.approx(expected, abs=1e-4)


def test_greedy_completions_carry_no_log_probabilities(student: Student, sampler: Sampler) -> None:
    assert all(c.logps == [] for g in draw(sampler, student, temperature=0.0) for c in g)


def test_sampling_changes_no_weight_of_the_policy(student: Student) -> None:
    model = adapted(student, shaken=0.2)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    sampler = Sampler(model, student.tokenizer)
    draw(sampler, student)
    assert equal(dict(model.state_dict()), before)


@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_first_tokens_are_as_frequent_as_their_probabilities_say(
    student: Student, sampler: Sampler, temperature: float
) -> None:
    draws, ids = 4_000, prompts(student)[2].ids
    (found,) = sampler.sample([ids], per_prompt=draws, max_tokens=1, temperature=temperature, seed=8, stop=never)
    with torch.no_grad():
        p = torch.softmax(student.model(input_ids=torch.tensor([ids])).logits[0, -1].double() / temperature, -1)
    counts = torch.bincount(torch.tensor([c.ids[0] for c in found]), minlength=len(p)).double()
    frequent = p.topk(6).indices
    sigma = (draws * p * (1 - p)).sqrt()
    assert ((counts - draws * p).abs() <= 3 * sigma)[frequent].all()
    rare = 1 - p[frequent].sum()
    assert abs(draws - counts[frequent].sum() - draws * rare) <= 3 * (draws * rare * (1 - rare)).sqrt()


def plainly_chosen(logits: torch.Tensor, temperature: float, uniform: torch.Tensor) -> torch.Tensor:
    """The token whose share of the cumulative distribution holds the number, in float64."""
    chances = torch.softmax(logits.double() / temperature, dim=-1)
    return torch.searchsorted(chances.cumsum(-1), uniform.double()[:, None], right=True).squeeze(1)


@pytest.mark.parametrize("size", [7, 256, 1000, 2 * 256 + 1])
@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_a_token_is_drawn_by_inverting_the_cumulative_distribution(size: int, temperature: float) -> None:
    generator = torch.Generator().manual_seed(size)
    logits = torch.randn(400, size, generator=generator) * 3
    uniform = torch.rand(400, generator=generator)
    found, logps = sampling._choose(logits, temperature, uniform)
    expected = plainly_chosen(logits, temperature, uniform)
    assert float((found == expected).float().mean()) > 0.99  # a number at a border falls to either side by rounding
    log_all = torch.log_softmax(logits / temperature, dim=-1)
    torch.testing.assert_close(logps, log_all.gather(1, found[:, None]).squeeze(1), atol=1e-4, rtol=0)


def test_a_token_without_any_weight_is_never_drawn() -> None:
    logits = torch.full((3, 600), float("-inf"))
    logits[:, [5, 300]] = torch.tensor([0.0, 1.0])
    uniform = torch.tensor([0.0, 0.2, 1.0 - 2**-24])
    found, logps = sampling._choose(logits, 1.0, uniform)
    assert found.tolist() == [5, 5, 300] and bool(torch.isfinite(logps).all())


def test_prompts_that_begin_one_another_are_answered_as_if_alone(student: Student, sampler: Sampler) -> None:
    whole = prompts(student)[2].ids * 2
    nested = [whole[:9], whole, whole[: len(whole) // 2], whole[:9]]
    asked = {"per_prompt": 1, "max_tokens": 12, "temperature": 0.0, "seed": 0, "stop": never}
    together = sampler.sample(nested, **asked)
    alone = [sampler.sample([ids], **asked)[0] for ids in nested]
    assert tokens(together) == tokens(alone) and together[0][0].ids != together[1][0].ids


def test_a_share_of_the_prompts_is_answered_as_it_would_be_among_all(student: Student, sampler: Sampler) -> None:
    ids = [p.ids for p in prompts(student)]
    asked = {"per_prompt": 2, "max_tokens": 10, "temperature": 1.0, "seed": 3, "stop": never}
    whole = sampler.sample(ids, **asked)
    assert tokens(sampler.sample(ids[2:], first=2, **asked)) == tokens(whole)[2:]
