"""Which prompts are beginnings of others: the steps of one trajectory need the longest of their prompts only."""

from __future__ import annotations

from collections.abc import Sequence


def trunks_of(prompts: Sequence[Sequence[int]]) -> list[tuple[int, list[int]]]:
    """Trunks and the prompts that begin like them: (index of the trunk's prompt, indices of all that it serves).

    A prompt serves itself and every shorter or equal one that it begins with; each prompt is served once. Trunks stand
    in the order of the first prompt that they serve, their prompts in the order given.
    """
    by_length = sorted(range(len(prompts)), key=lambda i: -len(prompts[i]))  # stable: equal prompts in order
    served: dict[int, list[int]] = {}
    for index in by_length:
        ids = list(prompts[index])
        trunk = next((t for t in served if list(prompts[t][: len(ids)]) == ids), index)
        served.setdefault(trunk, []).append(index)
    return sorted(((trunk, sorted(members)) for trunk, members in served.items()), key=lambda found: found[1][0])
