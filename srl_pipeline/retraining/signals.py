"""What was measured and asks for a new generation. Pure.

- **weakness**: the newest evaluation has weak slices of scenarios, as `weaknesses` defines them. Rules and skills do
  not count: no scenario can be drawn for them.
- **drift**: the current model solves live requests less often than the held-out set, by the same rules: the upper bound
  of the live rate (Wilson, at `serving.confidence`) lies below the lower bound of the held-out rate. Asked from
  `serving.min_requests` verified requests on.
- **volume**: so many live requests since the last generation that what people ask may be another thing by now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from srl_pipeline.config import ServingConfig
from srl_pipeline.evaluation.statistics import wilson
from srl_pipeline.registry import Entry
from srl_pipeline.retraining.records import Signal

if TYPE_CHECKING:
    from srl_pipeline.serving.journal import Tally


def weakness(found: Entry | None) -> Signal | None:
    """From the newest `weaknesses`."""
    count = found.metrics.get("weak_slices", 0.0) if found else 0.0
    if found is None or not count:
        return None
    one = count == 1
    why = f"{count:.0f} weak {'slice was' if one else 'slices were'} found in the last evaluation."
    return Signal(kind="weakness", key=f"weakness:{found.data_version}", why=why)


def drift(live: Tally, own: Entry | None, settings: ServingConfig) -> Signal | None:
    """From the current model's live requests since the last generation, and its own figures on the held-out set."""
    rate, n = (own.metrics.get(name) for name in ("pass_rate", "n")) if own else (None, None)
    if own is None or rate is None or not n or live.judged < settings.min_requests:
        return None
    served = wilson(live.solved, live.judged, settings.confidence)
    held_out = wilson(round(rate * n), round(n), settings.confidence)
    if served.high is None or held_out.low is None or served.high >= held_out.low:
        return None
    why = (
        f"Of {live.judged} live requests {live.solved} were solved ({served.value:.0%}); of the held-out scenarios "
        f"{held_out.value:.0%}."
    )
    return Signal(kind="drift", key=f"drift:{own.data_version}", why=why)


def volume(live: Tally, generated_at: str, enough: int) -> Signal | None:
    """From the live requests since the last generation."""
    if live.n < enough:
        return None
    why = f"{live.n} live requests came since the last generation."
    return Signal(kind="volume", key=f"volume:{generated_at}", why=why)
