"""What commands on past decisions share: times and windows as they are typed, policies, models, labels, requests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pyarrow.parquet as pq

from features.model.bundle import ModelMismatch, TrustModel, fetch
from features.settings import Settings
from serving.errors import ServingError
from serving.model.active import policy_file
from serving.policy.schema import Policy, PolicyError
from serving.policy_analysis.from_decision_log import Models, Window, recorded_cases, verdict_labels
from serving.policy_analysis.from_event_file import cases_of_file, labels_of
from serving.policy_analysis.past_requests import Cases, Label, Told
from serving.store.store import Store


class CannotTell(ServingError):
    """A question about past decisions that cannot be answered as asked; the message says what to do."""


@dataclass(frozen=True)
class Requests:
    """Where requests are to come from: a file of events, or else the decision log."""

    window: Window
    events: Path | None = None
    labels: Path | None = None

    @property
    def said(self) -> str:
        """In words."""
        if self.events:
            return f"events of {self.events}"
        since, until = (f"{t:%F %T}" if t else "" for t in (self.window.since, self.window.until))
        return f"decisions of {self.window.space} {since}..{until}"


def moment(text: str) -> datetime:
    """A time as it is typed: ISO 8601, in UTC where no offset is given. Raises CannotTell."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise CannotTell(f"{text!r} is no time; give one such as 2026-03-01 or 2026-03-01T09:00:00Z") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def span(text: str, space: str) -> Window:
    """A window as it is typed, `A..B`, A included and B not. Raises CannotTell."""
    first, dots, last = text.partition("..")
    if not dots:
        raise CannotTell(f"{text!r} is no window; give one such as 2026-03-01..2026-04-01 (the end not included)")
    window = Window(moment(first), moment(last), space)
    if window.since is None or window.until is None or window.since >= window.until:
        raise CannotTell(f"{text!r} ends before it begins")
    return window


def share(text: str) -> float:
    """A share as it is typed, `0.5%` or `0.005`. Raises CannotTell.

    >>> share("0.5%") == share("0.005") == 0.005
    True
    """
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise CannotTell(f"{text!r} is no share; give one such as 0.5%")
    return value


def policy_of(here: Settings, file: Path | None = None) -> Policy:
    """A policy file, by default the one in force. Raises CannotTell where it is not sound."""
    try:
        return Policy.load(file or policy_file(here))
    except PolicyError as error:
        raise CannotTell(str(error)) from error


def models_of(here: Settings) -> Models:
    """Finds registered versions, each once; one that is gone or refused is None."""

    @cache
    def model(version: str) -> TrustModel | None:
        try:
            return model_of(here, version)
        except CannotTell:
            return None

    return model


def model_of(here: Settings, alias_or_version: str) -> TrustModel:
    """A registered model. Raises CannotTell where there is none that this build can use."""
    from mlflow.exceptions import MlflowException  # imported late: it takes a second

    try:
        return fetch(here.tracking_uri, here.model_name, alias_or_version)
    except (ModelMismatch, MlflowException, OSError) as error:
        raise CannotTell(f"{here.model_name} {alias_or_version} cannot be used: {error}") from error


def requests(
    here: Settings, store: Store | None, asked: Requests, model: TrustModel | None, told: Told | None = None
) -> Cases:
    """The requests asked about. Events are judged by the champion unless another model is given; what investigators
    said of decisions counts where no label of the file does. Raises CannotTell."""
    if asked.events:
        model = model or model_of(here, here.model_alias)
        return cases_of_file(asked.events, asked.labels, model, told)
    if store is None:
        raise CannotTell("there is no decision log to ask; give --events")
    with store.reading() as transaction:
        said = verdict_labels(transaction)
    known = said | labels_by_decision(asked.labels) if asked.labels else said
    return recorded_cases(store, asked.window, models_of(here), model, known, told)


def labels_by_decision(file: Path) -> dict[str, Label]:
    """Labels of decisions: a Parquet file with `decision_id` and `compromised`. Raises CannotTell."""
    table = pq.read_table(file)
    missing = [name for name in ("decision_id", "compromised") if name not in table.column_names]
    if missing:
        raise CannotTell(f"{file} lacks the column {missing[0]}: labels of recorded decisions name each by its id")
    return dict(zip(table["decision_id"].to_pylist(), labels_of(table), strict=True))
