"""What every section of the configuration is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Config(BaseModel):
    """Base: closed and immutable."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())
