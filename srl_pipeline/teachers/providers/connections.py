"""The HTTP client of all SDKs.

Their own follow redirects, with the key in a header of the vendor's, and their time-outs begin anew with each piece of
an answer, so that one which trickles in never ends.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from functools import cache

import httpx2

_DEADLINE = "srl_deadline"
_CONNECT_SECONDS = 10.0
_MOST_BYTES = 256 * 2**20
"""Of one answer; a batch's file of them is one. Compressed ones are refused: they would count before they grow."""


def http_client() -> httpx2.Client:
    """A pool without redirects; an answer is complete within twice the call's time-out, or it is a time-out."""
    return httpx2.Client(
        verify=trust(),
        headers={"accept-encoding": "identity"},
        follow_redirects=False,
        timeout=None,
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=256),
        event_hooks={"request": [_start], "response": [_bound]},
    )


@cache
def trust() -> ssl.SSLContext:
    """The certificates that are trusted, read once: that takes longer than a call's own work."""
    return httpx2.create_ssl_context()


def time_limit(seconds: float) -> httpx2.Timeout:
    """Time-outs of one call; a host that does not take a connection is given up earlier."""
    return httpx2.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS))


def _start(request: httpx2.Request) -> None:
    if seconds := request.extensions.get("timeout", {}).get("read"):
        request.extensions[_DEADLINE] = time.monotonic() + seconds


def _bound(response: httpx2.Response) -> None:
    if response.headers.get("content-encoding", "identity") != "identity":
        raise httpx2.DecodingError("the answer is compressed, which nobody asked for", request=response.request)
    deadline = response.request.extensions.get(_DEADLINE)
    if deadline is not None and isinstance(response.stream, httpx2.SyncByteStream):
        response.stream = _BoundedStream(response.stream, deadline, response.request)


class _BoundedStream(httpx2.SyncByteStream):
    """A body that has to arrive before a moment of the monotonic clock."""

    def __init__(self, body: httpx2.SyncByteStream, deadline: float, request: httpx2.Request) -> None:
        self._body = body
        self._deadline = deadline
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        left = _MOST_BYTES
        for piece in self._body:
            if (left := left - len(piece)) < 0:
                raise httpx2.ReadError(f"the answer has more than {_MOST_BYTES:,} bytes", request=self._request)
            if time.monotonic() > self._deadline:
                raise httpx2.ReadTimeout("the answer trickled in past its time", request=self._request)
            yield piece

    def close(self) -> None:
        self._body.close()
