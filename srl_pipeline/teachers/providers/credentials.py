"""Where a call goes and what it authenticates with. A key is read from the environment and never written anywhere."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from srl_pipeline.errors import TeacherError
from srl_pipeline.teachers.catalog.spec import TeacherEntry

NO_KEY = "no-key"
"""What SDKs that insist on a key are given for an endpoint that asks for none."""
_PRIVATE_SUFFIXES = (".localhost", ".local", ".internal", ".lan", ".svc")
_HIDDEN = "[key]"


@dataclass(frozen=True)
class Credential:
    """A key and the environment variable that it came from; neither its repr nor its str shows it."""

    value: str = field(repr=False)
    variable: str | None

    def scrub(self, text: str) -> str:
        """``text`` without the key: vendors echo what they were sent."""
        if self.variable is None:
            return text
        for shown in {self.value, quote(self.value, safe=""), repr(self.value)[1:-1]}:
            text = text.replace(shown, _HIDDEN)
        return text


def credential_of(entry: TeacherEntry) -> Credential:
    """The key that ``api_key_env`` names; raises TeacherError when it is not there, or cannot be a key."""
    name = entry.api_key_env
    if name is None:
        if entry.endpoint is None:
            raise TeacherError(
                f"The teacher needs a key for {entry.kind}, and no variable is named that holds it.",
                where=_where(entry, "api_key_env"),
                mend="Write the name of an environment variable there; the key itself belongs into the environment.",
            )
        return Credential(NO_KEY, None)
    value = os.environ.get(name, "").strip()
    if not value:
        raise TeacherError(
            f"The environment variable {name} is not set, or empty.",
            where=_where(entry, "api_key_env"),
            mend=f"Set {name} to the key, or name another variable.",
        )
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise TeacherError(
            f"What {name} holds is no key: it has characters that no HTTP header may carry.",
            where=f"environment variable {name}",
            mend="Copy the key again, without quotes and line breaks.",
        )
    return Credential(value, name)


def endpoint_of(entry: TeacherEntry, default: str) -> str:
    """The base URL; raises TeacherError for one that would send key and prompts in the clear or to an odd place."""
    if entry.endpoint is None:
        return default
    try:
        parts = urlsplit(entry.endpoint)
        host, has_port = parts.hostname or "", parts.port
    except ValueError:
        host, parts, has_port = "", None, None
    if parts is None or parts.scheme not in ("http", "https") or not host or has_port == 0:
        raise _bad_endpoint(entry, "is no http or https address", "Write it like https://host/v1.")
    if "@" in parts.netloc:
        raise _bad_endpoint(entry, "carries a user or password", "Name the key's variable in 'api_key_env' instead.")
    if parts.query or parts.fragment:
        raise _bad_endpoint(entry, "has a query or fragment", "Write the base address alone.")
    if parts.scheme == "http" and not _is_private(host):
        raise _bad_endpoint(entry, "would carry the key in the clear", "Use https for a host of a public network.")
    return entry.endpoint.rstrip("/")


def _is_private(host: str) -> bool:
    """Whether a host is of this machine or a private network, as far as its name tells; nothing is looked up."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        plain = "." not in host and not host[:1].isdigit()  # one number is an address too, of any host
        return plain or host.endswith((*_PRIVATE_SUFFIXES, ".svc.cluster.local"))
    return address.is_private and not address.is_link_local  # there clouds hand out credentials


def _bad_endpoint(entry: TeacherEntry, what: str, mend: str) -> TeacherError:
    # The address is not shown: it may hold a password.
    return TeacherError(f"The teacher's endpoint {what}.", where=_where(entry, "endpoint"), mend=mend)


def _where(entry: TeacherEntry, setting: str) -> str:
    return f"teachers.yaml: {setting} of the teacher {entry.kind} {entry.model}"
