"""When a completion is over: an end token, or a text that is decided at a line's end or shortly after its beginning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

LOOK_AT = 4
"""Tokens after which an unfinished line is shown to ``stop``: how it begins may decide already."""

Stop = Callable[[str], bool]


class Endings:
    """The end tokens and line ends of one tokenizer."""

    def __init__(self, tokenizer: Any, generation_config: Any) -> None:
        self._tokenizer = tokenizer
        ends = generation_config.eos_token_id
        self.tokens: set[int | None] = {tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])}
        self.tokens |= {tokenizer.get_vocab().get("<|im_end|>")}  # None, never the id of the unknown word
        self._newline = ["\n" in tokenizer.decode([i]) for i in range(len(tokenizer))]

    def text(self, ids: Sequence[int]) -> str:
        """The text without end tokens."""
        return self._tokenizer.decode([i for i in ids if i not in self.tokens])

    def line_after(self, token: int, line: int) -> int:
        """Tokens since the last line end, after ``token``; ``line`` is that before it."""
        return 0 if self._newline[token] else line + 1

    def over(self, ids: Sequence[int], line: int, stop: Stop) -> bool:
        """Whether ``ids``, whose last token lies ``line`` tokens into its line, is all that is wanted."""
        return ids[-1] in self.tokens or (line in (0, LOOK_AT) and stop(self.text(ids)))

    def cut(self, ids: Sequence[int], stop: Stop) -> tuple[list[int], bool]:
        """The tokens up to the first at which it is over, and whether there is one."""
        line = 0
        for place, token in enumerate(ids):
            line = self.line_after(token, line)
            if self.over(ids[: place + 1], line, stop):
                return list(ids[: place + 1]), True
        return list(ids), False
