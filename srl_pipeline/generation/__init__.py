"""Dynamic example generation: what to ask, whom to ask, what to keep."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from srl_pipeline.generation.rewards import build_verified_rewards
    from srl_pipeline.generation.trajectories import build_trajectories

__all__ = ["build_trajectories", "build_verified_rewards"]

_HOMES = {"build_trajectories": "trajectories", "build_verified_rewards": "rewards"}


def __getattr__(name: str) -> Any:
    """Load the builders on first use: lore's own tests import `generation.drawing`, and must not import themselves."""
    if name not in _HOMES:
        raise AttributeError(name)
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
