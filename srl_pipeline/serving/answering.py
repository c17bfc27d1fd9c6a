"""A loaded model that answers: plain messages by its chat template, scenarios exactly as an evaluation asks them."""

from __future__ import annotations

from threading import Lock

from jinja2 import TemplateError

from srl_pipeline.config import ServingConfig
from srl_pipeline.contracts import Scenario
from srl_pipeline.errors import PackError
from srl_pipeline.lore import LoreRetriever, index_folder
from srl_pipeline.registry import StoredArtifact
from srl_pipeline.serving.errors import Unanswerable
from srl_pipeline.serving.questions import Answer, Axes, Heard, Judgement, Question
from srl_pipeline.stages.workspace import Workspace
from srl_pipeline.training.environment.transcript import ends, heading, parse
from srl_pipeline.training.rollouts.sampling import Sampler
from srl_pipeline.training.students.policy_weights import load_trained
from srl_pipeline.verification import ScenarioSpace, Verifier


class ServedModel:
    """One registered model in memory. Safe to use from threads: it answers one question at a time.

    Attributes:
        version: Data version of the registered model.
    """

    def __init__(self, registered: StoredArtifact, workspace: Workspace, serving: ServingConfig) -> None:
        self.version = registered.data_version
        student = workspace.load()
        self._model = load_trained(student, registered.path)
        self._tokenizer = student.tokenizer
        self._sampler = Sampler(self._model, student.tokenizer)
        self._writer = workspace.writer(student)
        self._space = ScenarioSpace(workspace.pack)
        self._verifier: Verifier = workspace.verifier
        self._retriever = LoreRetriever(index_folder(workspace.input("lore_index")), workspace.config.lore)
        self._most_tokens = serving.max_tokens
        self._context: int = student.model.config.max_position_embeddings
        self._lock = Lock()

    def ask(self, question: Question, heard: Heard) -> Answer:
        """Answer ``question``; ``heard`` is told of every line. Raises Unanswerable for a question that cannot be."""
        with self._lock:
            return self._ask(question, heard)

    def judge(self, axes: Axes, text: str) -> Judgement:
        """Model C's word on a transcript, by the rules that this model was trained with; raises Unanswerable."""
        return self._judge(self._scenario(axes), text)

    def _ask(self, question: Question, heard: Heard) -> Answer:
        scenario = None if question.axes is None else self._scenario(question.axes)
        ids = self._chat(question.messages) if scenario is None else self._episode(scenario)
        begun = "" if scenario is None else heading(0, self._writer.titles[0])
        steps = len(self._writer.titles)
        [[completion]] = self._sampler.sample(
            [ids],
            per_prompt=1,
            max_tokens=self._room(question.max_tokens, len(ids)),
            temperature=question.temperature,
            seed=question.seed,
            stop=lambda text: heard(begun + text) or (scenario is not None and ends(text, steps)),
        )
        text = begun + completion.text
        return Answer(
            version=self.version,
            text=text,
            prompt_tokens=len(ids),
            completion_tokens=len(completion.ids),
            finished=completion.finished,
            judgement=None if scenario is None else self._judge(scenario, text),
        )

    def _scenario(self, axes: Axes) -> Scenario:
        try:
            return self._space.scenario(axes, where="scenario")
        except PackError as error:
            raise Unanswerable(
                error.what, where=error.where, mend=error.mend, param="scenario", code="invalid_scenario"
            ) from error

    def _episode(self, scenario: Scenario) -> list[int]:
        return self._writer.episode(scenario, self._retriever.bundle(scenario)).ids

    def _chat(self, messages: tuple[tuple[str, str], ...]) -> list[int]:
        """By the student's chat template; without one the contents follow one another, as in training."""
        if not getattr(self._tokenizer, "chat_template", None):
            return self._writer.encode("".join(f"{content}\n\n" for _, content in messages))
        turns = [{"role": role, "content": content} for role, content in messages]
        try:
            text = self._tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
        except TemplateError as error:
            raise Unanswerable(
                f"The model's chat template refuses these messages: {error}",
                where="messages",
                mend="Let system come first, then user and assistant in turn.",
                param="messages",
                code="invalid_messages",
            ) from error
        return self._writer.encode(text)

    def _room(self, asked: int | None, prompt: int) -> int:
        """Tokens that the answer may have; raises Unanswerable where prompt and answer do not fit the context."""
        wanted = self._most_tokens if asked is None else asked
        room = self._context - prompt
        if room < (1 if asked is None else asked):
            raise Unanswerable(
                f"The prompt has {prompt} tokens; with {asked or 1} of the answer that is more than the model's "
                f"context of {self._context}.",
                where="messages",
                mend="Shorten the messages, or ask for fewer tokens.",
                param="messages",
                code="context_length_exceeded",
            )
        return min(wanted, room)

    def _judge(self, scenario: Scenario, text: str) -> Judgement:
        """As an evaluation judges an episode; what cannot be read is wrong, and no error."""
        read = parse(text, self._writer.titles)
        verdict = self._verifier.verify(scenario, [step.action for step in read.steps])
        return Judgement(
            correct=verdict.correct and read.error is None,
            reward=0.0 if read.error else verdict.outcome_reward,
            violations=verdict.violations,
            format_error=f"step {read.error.step + 1}: {read.error.reason}" if read.error else "",
            artefact={name: value for step in read.steps for name, value in step.action.items()},
        )
