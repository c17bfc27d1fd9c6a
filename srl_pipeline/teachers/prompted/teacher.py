"""Model B by a language model: ask for one step, read it, hand it to Model C."""

from __future__ import annotations

from typing import TYPE_CHECKING

from srl_pipeline.contracts import Step, TeacherRef
from srl_pipeline.teachers.base import Rejection, Task, Unreadable
from srl_pipeline.teachers.calls.records import ModelCall
from srl_pipeline.teachers.catalog import TeacherEntry
from srl_pipeline.teachers.prompted.answer import AnswerReader, unreadable
from srl_pipeline.teachers.prompted.injection import first_injection
from srl_pipeline.teachers.prompted.language import language_of
from srl_pipeline.teachers.prompted.prompt import build_prompt, untrusted_texts
from srl_pipeline.teachers.prompted.secrets import SecretFilter
from srl_pipeline.teachers.prompted.shots import Shots, check_shots
from srl_pipeline.verification import Verifier

if TYPE_CHECKING:
    from srl_pipeline.teachers.calls.caller import Asker


class PromptedTeacher:
    """A teacher of ``teachers.yaml``. Keeps no state between calls: the asker's cache holds every paid answer.

    ``variant`` n of a task is the n-th sample of the same questions. A rejection becomes part of the conversation, so
    a second try is another question and never served from the cache of the first.
    """

    def __init__(
        self,
        ref: TeacherRef,
        entry: TeacherEntry,
        verifier: Verifier,
        asker: Asker,
        secrets: SecretFilter | None = None,
        shots: Shots | None = None,
    ) -> None:
        """``shots`` are those that ``entry`` names; raises TeacherError where they may not be shown for this pack."""
        if entry.shots != (shots.digest if shots else None):
            raise ValueError(f"the entry shows solved tasks {entry.shots}, and was given others")
        self._ref, self._entry, self._verifier, self._asker = ref, entry, verifier, asker
        own = [entry.api_key_env] if entry.api_key_env else []
        secrets = secrets or SecretFilter(own)
        if shots is not None:
            check_shots(shots, verifier, secrets)
        self._shots = shots.shots if shots else []
        self._reader = AnswerReader(language_of(verifier.pack), secrets)

    @property
    def ref(self) -> TeacherRef:
        return self._ref

    def propose(self, task: Task, before: list[Step], rejections: list[Rejection]) -> Step | Unreadable:
        """The next step as the model answered it. Raises what the asker raises: TeacherError, BudgetError."""
        if found := first_injection(untrusted_texts(task)) or first_injection(s.reasoning for s in before):
            # Nothing was paid for and nothing will be: the same text would be refused again.
            return unreadable("prompt_injection", f"Brief or lore hold {found}; they were not sent.", final=True)
        prompt = build_prompt(self._verifier, task, before, rejections, self._shots)
        call = ModelCall(
            teacher=self._ref,
            model=self._entry.model,
            system=prompt.system,
            messages=prompt.messages,
            answer_schema=None if self._entry.structured == "none" else prompt.answer_schema,
            max_tokens=self._entry.limits.max_output_tokens,
            temperature=self._entry.temperature,
            sample=task.variant,
        )
        reply = self._asker.ask(call).reply
        title = self._verifier.pack.spec.steps[len(before)].title
        read = self._reader.read(reply.text, title=title, mark=prompt.mark)
        if reply.stop == "end" or (isinstance(read, Unreadable) and read.reason == "secret"):
            return read
        shown = read.excerpt if isinstance(read, Unreadable) else reply.text
        if reply.stop == "refusal":
            again = any(isinstance(r.proposal, Unreadable) and r.proposal.reason == "refused" for r in rejections)
            return unreadable("refused", "The step was declined; it asks for nothing harmful.", shown, final=again)
        return unreadable("cut_off", "The answer was cut off at its limit of tokens; write a shorter one.", shown)
