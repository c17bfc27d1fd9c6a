"""How many examples property tests try: few and always the same ones, or many and new ones every night.

``HYPOTHESIS_PROFILE=nightly`` (``make fuzz``) chooses the second.
"""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, settings

FACTOR = 10
"""How many times as many examples a night tries."""
_COMMON: dict[str, Any] = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}


def load_profile() -> None:
    """Take the profile that ``HYPOTHESIS_PROFILE`` names; by default the small, deterministic one."""
    settings.register_profile("test", max_examples=100, derandomize=True, **_COMMON)
    settings.register_profile("nightly", max_examples=100 * FACTOR, print_blob=True, **_COMMON)
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "test"))


def examples(count: int, **changes: Any) -> settings:
    """Settings for ``count`` examples in `make test`, and for `FACTOR` times as many in a night."""
    return settings(max_examples=count * settings.default.max_examples // 100, **changes)  # type: ignore[union-attr]
