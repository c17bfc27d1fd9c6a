"""From the thread that samples to the loop that sends: an answer line by line."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future

from srl_pipeline.serving.questions import Answer


class Stream:
    """The lines of one answer. The sampler tells of its text at line ends, so a line is the least that is sent."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._items: asyncio.Queue[str | Future[Answer]] = asyncio.Queue()
        self._sent = ""
        self._future: Future[Answer] | None = None

    def follow(self, future: Future[Answer]) -> None:
        """Let ``future`` end the stream."""
        self._future = future
        future.add_done_callback(lambda done: self._loop.call_soon_threadsafe(self._items.put_nowait, done))

    def heard(self, text: str) -> bool:
        """`questions.Heard`: called in the thread that samples."""
        whole = text[: text.rfind("\n") + 1]
        if len(whole) > len(self._sent):
            piece, self._sent = whole[len(self._sent) :], whole
            self._loop.call_soon_threadsafe(self._items.put_nowait, piece)
        return False

    async def next(self) -> str | Answer:
        """The next lines, or the answer when all are told; raises what the answer raises."""
        item = await self._items.get()
        return item if isinstance(item, str) else item.result()

    def rest(self, answer: Answer) -> str:
        """What of the answer is not told yet."""
        return answer.text[len(self._sent) :]

    def cancel(self) -> None:
        """Let an answer that has not begun never begin."""
        if self._future is not None:
            self._future.cancel()
