"""Reads the arguments of commands on past requests: times, windows, shares, policies, models, and the requests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pyarrow.parquet as pq

from features.model.bundle import ModelMismatch, TrustModel, fetch
from features.settings import Settings
from serving.deployment.catalogue_files import Catalogues, load_catalogues
from serving.errors import AnalysisError
from serving.model.active import catalogue_folder, policy_file
from serving.policy.schema import Policy, PolicyError
from serving.policy_analysis.past.from_decision_log import (
    LogWindow,
    ModelLookup,
    past_requests_from_log,
    verdict_labels,
)
from serving.policy_analysis.past.from_event_file import labels_from_table, past_requests_from_file
from serving.policy_analysis.past.past_requests import Label, PastRequests, Progress
from serving.store.store import Store


@dataclass(frozen=True)
class RequestSource:
    """Where past requests come from: a file of events if given, else a window of the decision log."""

    window: LogWindow
    events: Path | None = None
    labels: Path | None = None

    @property
    def description(self) -> str:
        """The source in words."""
        if self.events:
            return f"events of {self.events}"
        since, until = (f"{t:%F %T}" if t else "" for t in (self.window.since, self.window.until))
        return f"decisions of {self.window.namespace} {since}..{until}"


def parse_time(text: str) -> datetime:
    """A time in ISO 8601, in UTC when it has no offset. Raises AnalysisError."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise AnalysisError(f"{text!r} is not a time; give one such as 2026-03-01 or 2026-03-01T09:00:00Z") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def parse_window(text: str, namespace: str) -> LogWindow:
    """A window `A..B` that includes A and excludes B. Raises AnalysisError."""
    first, dots, last = text.partition("..")
    if not dots:
        raise AnalysisError(f"{text!r} is not a window; give one such as 2026-03-01..2026-04-01 (the end is excluded)")
    window = LogWindow(parse_time(first), parse_time(last), namespace)
    if window.since is None or window.until is None or window.since >= window.until:
        raise AnalysisError(f"{text!r} ends before it begins")
    return window


def parse_share(text: str) -> float:
    """A share such as `0.5%` or `0.005`. Raises AnalysisError.

    >>> parse_share("0.5%") == parse_share("0.005") == 0.005
    True
    """
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise AnalysisError(f"{text!r} is not a share; give one such as 0.5%")
    return value


def load_policy(settings: Settings, file: Path | None = None) -> Policy:
    """A policy file, by default the one in force. Raises AnalysisError when it is not valid."""
    try:
        return Policy.load(file or policy_file(settings))
    except PolicyError as error:
        raise AnalysisError(str(error)) from error


def load_known(settings: Settings) -> Catalogues:
    """What the deployment knows, by the catalogues in force. Raises AnalysisError when one is not valid."""
    try:
        return load_catalogues(catalogue_folder(settings))
    except PolicyError as error:
        raise AnalysisError(str(error)) from error


def model_lookup(settings: Settings) -> ModelLookup:
    """Loads registered versions, each once; None for one that is missing or refused."""

    @cache
    def load(version: str) -> TrustModel | None:
        try:
            return load_model(settings, version)
        except AnalysisError:
            return None

    return load


def load_model(settings: Settings, alias_or_version: str) -> TrustModel:
    """A registered model. Raises AnalysisError when there is none that this version can use."""
    try:
        return fetch(settings, alias_or_version)
    except (ModelMismatch, LookupError, OSError) as error:
        raise AnalysisError(f"{settings.model_name} {alias_or_version} cannot be used: {error}") from error


def read_requests(
    settings: Settings,
    store: Store | None,
    source: RequestSource,
    model: TrustModel | None,
    progress: Progress | None = None,
) -> PastRequests:
    """The past requests of a source. Raises AnalysisError.

    Events are scored by `model`, or by the champion; logged decisions keep their trust unless `model` is given. Labels
    of the file take precedence over verdicts of investigators.
    """
    if source.events:
        model = model or load_model(settings, settings.model_alias)
        return past_requests_from_file(source.events, source.labels, model, progress)
    if store is None:
        raise AnalysisError("there is no decision log; give --events")
    with store.reading() as transaction:
        labels = verdict_labels(transaction)
    if source.labels:
        labels |= labels_by_decision(source.labels)
    return past_requests_from_log(store, source.window, model_lookup(settings), model, labels, progress)


def labels_by_decision(file: Path) -> dict[str, Label]:
    """Labels by decision id from a Parquet file with `decision_id` and `compromised`. Raises AnalysisError."""
    table = pq.read_table(file)
    missing = [name for name in ("decision_id", "compromised") if name not in table.column_names]
    if missing:
        raise AnalysisError(f"{file} lacks the column {missing[0]}: labels of recorded decisions are by decision id")
    return dict(zip(table["decision_id"].to_pylist(), labels_from_table(table), strict=True))
