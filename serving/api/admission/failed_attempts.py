"""Failed keys and sign-ins, counted by the client's address, limited and logged.

A key is looked up first and only a failure is counted, so that whoever shares an address with an attacker, behind one
proxy, is never kept out: a valid key always passes. What is limited are answers to wrong keys, and lines in the log.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import math
import time

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from starlette.types import Scope

from serving import metrics
from serving.api.problems import Problem

log = logging.getLogger(__name__)

LIMIT = RateLimitItemPerMinute(100)
"""Failures of one address before it is told to wait. Keys cannot be guessed at any rate; this bounds work and log."""


class FailedAttempts:
    """Counts the failures of every address in this process's memory; of IPv6 clients, of every network of 64 bits."""

    def __init__(self, limit: RateLimitItem = LIMIT) -> None:
        self._limit = limit
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def refuse(self, scope: Scope, kind: str) -> None:
        """Count and log one failure, of a `key` or a `sign_in`. Raises Problem 429 when there have been too many."""
        client = client_network(scope)
        metrics.FAILED_ATTEMPTS.labels(kind).inc()
        allowed = self._limiter.hit(self._limit, client)
        window = self._limiter.get_window_stats(self._limit, client)
        if allowed:
            _log("authentication_failed", kind, client)
            if window.remaining == 0:
                _log("authentication_limited", kind, client)
            return
        wait = max(1, math.ceil(window.reset_time - time.time()))
        raise Problem(429, f"Too many wrong keys came from your address: wait {wait} s.", retry_after_seconds=wait)


def client_network(scope: Scope) -> str:
    """The client's address, or of an IPv6 address the 64 bits that one client is given."""
    host = (scope.get("client") or ("unknown", 0))[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return str(host)[:64]
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped) if mapped else str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))
    return str(address)


def _log(event: str, kind: str, client: str) -> None:
    """One line for machines, without the key. A client that is limited writes no more of them."""
    log.warning(json.dumps({"event": event, "kind": kind, "client": client}))
