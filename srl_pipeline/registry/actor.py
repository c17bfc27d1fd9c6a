"""Who does what is being done: told with every decision and every hold of money, at the moment of it."""

from __future__ import annotations

import os
import re
import socket

from srl_pipeline.errors import PipelineError

ACTOR = "SRL_ACTOR"
"""Environment variable: a name for a service, such as ``dagster-daemon``, or for a person who shares an account."""
NOT_RECORDED = "not recorded"
"""Shown for what was kept before it was recorded who did it."""
_CI = {"GITHUB_ACTOR": "github", "GITLAB_USER_LOGIN": "gitlab"}
"""Environment variable of a CI service that names the person who started it -> the service."""
_NAME = re.compile(r"[\w.@:+ -]{1,100}")


def actor() -> str:
    """`ACTOR`; else whom a CI service names; else the account that this process runs as, and its host.

    The account is the kernel's word and no variable's. Raises PipelineError for a name that is none.
    """
    named = os.environ.get(ACTOR, "").strip()
    if named:
        if not _NAME.fullmatch(named):
            raise PipelineError(
                "It names nobody: letters, digits, spaces and . @ : + - _ are taken, 100 at the most.",
                where=f"environment variable {ACTOR}",
                mend="Write a name such as dagster-daemon, or unset it: the account's own name is taken.",
            )
        return named
    for variable, service in _CI.items():
        found = os.environ.get(variable, "")
        if os.environ.get("CI") and _NAME.fullmatch(found):
            return f"{service}:{found}"
    return f"{_account()}@{socket.gethostname()}"


def _account() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's account has a number and need not have a name
        return f"uid {os.getuid()}"
