"""Appends an anchor of the hash chains to a file every hour, if something was recorded since the last one."""

from __future__ import annotations

import logging
from pathlib import Path

from features.settings import Settings
from serving.store.chain.anchors import ChainHeads, append_anchor, chain_heads, make_anchor
from serving.store.chain.signing_key import ensure_signing_key
from serving.store.store import Store
from serving.workers.periodic import PeriodicWorker

log = logging.getLogger(__name__)

SECONDS = 3600.0
"""How often an anchor is written. Rows since the newest one are what a forger could still rewrite."""


class AnchorWriter:
    """Writes anchors to the configured file."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._anchored: ChainHeads | None = None

    def worker(self) -> PeriodicWorker:
        """The worker that writes anchors from now on."""
        return PeriodicWorker("anchors", SECONDS, self.write)

    def write(self) -> None:
        """Append an anchor if a chain has grown. Raises ServingError, which is logged and tried again."""
        current = chain_heads(self._store)
        if current == self._anchored:
            return
        key = ensure_signing_key(Path(self._settings.signing_key))
        append_anchor(make_anchor(current, key), Path(self._settings.anchor_file))
        self._anchored = current
