"""Counts the tokens of one task's answers, cached ones included: a meter counts only what was paid just now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from srl_pipeline.teachers.calls.records import ModelCall, Usage

if TYPE_CHECKING:
    from srl_pipeline.teachers.calls.caller import Answered, Asker
    from srl_pipeline.teachers.calls.meter import Meter


class CountingAsker:
    """An `Asker` that hands on to another one. For one thread.

    Attributes:
        usage: Tokens of all answers so far.
        cached: Whether an answer was there already, so that the time says nothing of the teacher.
    """

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self.usage = Usage(input_tokens=0, output_tokens=0)
        self.cached = False

    @property
    def meter(self) -> Meter:
        """That of the asker behind it."""
        return self._asker.meter

    def ask(self, call: ModelCall) -> Answered:
        """See `Asker.ask`."""
        answered = self._asker.ask(call)
        new, old = answered.reply.usage, self.usage
        self.cached = self.cached or answered.cached
        self.usage = Usage(
            input_tokens=old.input_tokens + new.input_tokens,
            cached_input_tokens=old.cached_input_tokens + new.cached_input_tokens,
            output_tokens=old.output_tokens + new.output_tokens,
        )
        return answered

    def close(self) -> None:
        """The asker behind it is closed by its owner."""
