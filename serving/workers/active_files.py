"""Puts what changed in files into force, or shows the file that is refused; shared by the watchers of such files."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from serving import metrics
from serving.engine.writer import Engine
from serving.policy.loader import PolicyError

log = logging.getLogger(__name__)


def refresh(engine: Engine, path: Path, read: Callable[[], Mapping[str, Any]], at: datetime) -> None:
    """Put into force what `read` gives: values of the active configuration by name.

    Whatever it raises, the active configuration stays, and the file is shown as refused.
    """
    values: Mapping[str, Any] = {}
    reason, file, unexpected = None, str(path), False
    try:
        values = read()
    except PolicyError as error:
        reason, file = str(error), error.file or file
    except BaseException as error:  # no file may end the watcher, not even by a library's panic
        reason, unexpected = f"{path} cannot be used: {type(error).__name__}: {error}", True
    before, after = engine.change(lambda active: replace(active.refusing(path, reason, at, file), **values))
    if after == before:
        return
    metrics.POLICY_REFUSED.set(bool(after.refused_files))
    if reason is not None:
        words = "%s; the policy %s and the entries of all catalogues in force stay as they are"
        log.error(words, reason, after.policy.digest, exc_info=unexpected)
        return
    if after.versions != before.versions:
        metrics.POLICY_SWAPS.inc()
    log.warning("the policy in force is %s, the catalogues %s", after.policy.digest, after.catalogues.digest)
    if after.versions != before.versions:
        engine.record_configuration()
