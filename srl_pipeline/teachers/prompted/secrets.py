"""Credentials in an answer: a teacher that prints one must not get it into a data set, a log or the next prompt."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping

LEAST = 8
"""Characters of a configured value that is looked for: a shorter one would be found in ordinary prose."""
USUAL_VARIABLES = (
    "OPENAI_API_KEY",
    "ANTHROPIC_API_KEY",
    "GEMINI_API_KEY",
    "GOOGLE_API_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "HF_TOKEN",
)
"""Where the vendors' SDKs look by themselves."""

_HINTS = (
    "sk-", "pk-", "rk-", "AIza", "AKIA", "ASIA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "hf_", "xox",
    "eyJ", "Bearer", "PRIVATE KEY",
)  # fmt: skip
"""One of these stands in whatever the pattern finds; looking for them first is much cheaper."""
_PATTERN = re.compile(
    r"""\b(?:sk|pk|rk)-[A-Za-z0-9_-]{16,}
      | \bAIza[0-9A-Za-z_-]{30,}
      | \b(?:AKIA|ASIA)[0-9A-Z]{16}\b
      | \bgh[pousr]_[A-Za-z0-9]{30,}
      | \bgithub_pat_[A-Za-z0-9_]{30,}
      | \bhf_[A-Za-z0-9]{20,}
      | \bxox[abprs]-[A-Za-z0-9-]{10,}
      | \beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{6,}
      | \bBearer\s+[A-Za-z0-9._~+/-]{20,}
      | -----BEGIN[A-Z ]{0,40}PRIVATE\ KEY-----""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\/")


class SecretFilter:
    """Finds the values of key variables, as they were when it was made, and what has the form of a common key."""

    def __init__(self, variables: Iterable[str] = (), environment: Mapping[str, str] = os.environ) -> None:
        values = {environment.get(name, "").strip() for name in (*variables, *USUAL_VARIABLES)}
        self._values = tuple(sorted(v for v in values if len(v) >= LEAST))

    def __repr__(self) -> str:
        return f"SecretFilter({len(self._values)} values)"

    def found(self, text: str) -> bool:
        """Whether ``text``, or what its JSON escapes stand for, holds a secret."""
        plain = _ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else "/", text) if "\\" in text else text
        texts = (text, plain) if plain is not text else (text,)
        return any(v in t for t in texts for v in self._values) or any(looks_like_secret(t) for t in texts)


def looks_like_secret(text: str) -> bool:
    """Whether ``text`` has the form of a common key."""
    return any(hint in text for hint in _HINTS) and bool(_PATTERN.search(text))
