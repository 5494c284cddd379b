"""Entra sign-ins published with msticpy: six users of a test tenant on one day."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np

from features.data_files import data_folder
from features.enrichment.ip_lookup import NetworkTables
from features.event.arrow import table_of
from features.event.schema import Event
from features.model.bundle import TrustModel
from features.sources.formats.records import Record, part_of, records_of, text_of
from training.evaluation.context import SectionResult
from training.evaluation.tables import Table
from training.real_records.scoring import SOURCE, challenge_columns, score_records

FILE = data_folder() / "msticpy" / "aad_logons.ndjson.gz"
NOTE = (
    "Records that occur twice under one id are counted once. The sign-ins of one day are unlabelled, and histories "
    "begin with that day. They show that sign-ins of this form are read, and that known locations lower the risk "
    "within a day; nothing about recall, and no rate of friction that would hold after a month of history."
)


def event_of(record: Record) -> Event:
    """One record of Entra's sign-in log as an event; raises ValueError where it is none."""
    location = part_of(record, "LocationDetails")
    coordinates = part_of(location, "geoCoordinates")
    mfa_claimed = "MFA" in str(part_of(record, "Status").get("additionalDetails", ""))
    multi_factor = mfa_claimed or record.get("AuthenticationRequirement") == "multiFactorAuthentication"
    content: dict[str, Any] = {
        "id": text_of(record.get("Id")),
        "time": datetime.fromisoformat(str(record.get("TimeGenerated"))).replace(tzinfo=UTC),
        "identity": {"id": text_of(record.get("UserId")) or "", "type": "human"},
        "session": {"id": text_of(record.get("CorrelationId"))},
        "action": {
            "name": f"entra:{text_of(record.get('OperationName')) or 'sign-in'}",
            "category": "authenticate",
            "outcome": "success" if str(record.get("ResultType")) == "0" else "failure",
        },
        "resource": {"id": text_of(record.get("AppDisplayName"))},
        "network": {
            "ip": text_of(record.get("IPAddress")),
            "country": text_of(location.get("countryOrRegion")),
            "latitude": coordinates.get("latitude"),
            "longitude": coordinates.get("longitude"),
        },
        "device": {
            "id": text_of(part_of(record, "DeviceDetail").get("deviceId")),
            "user_agent": text_of(record.get("UserAgent")),
        },
        "authentication": {"amr": ("mfa",) if multi_factor else None},
    }
    return Event.model_validate(content)


def sign_ins_section(model: TrustModel, tables: NetworkTables, seed: int) -> SectionResult:
    """The risk of each user's sign-ins."""
    parsed = [record for _, record in records_of(FILE) if isinstance(record, dict)]
    unique = {json.dumps(record.get("Id")): record for record in parsed}
    records = score_records(model, table_of(map(event_of, unique.values())), tables)
    session_starts = np.unique(records.events["session.id"].to_numpy(), return_index=True)[1]
    masks = {"all": np.ones(len(records.risk), bool)}
    masks |= {f"user {number + 1}": records.identity == number for number in np.unique(records.identity)}
    rows = []
    for name, mask in masks.items():
        sessions = len(np.intersect1d(session_starts, np.flatnonzero(mask)))
        countries = set(records.events["network.country"].filter(mask).to_pylist())
        rows.append(
            (
                name,
                f"{int(mask.sum())}; {sessions}",
                f"{len(countries)}",
                f"{records.context_known[mask].mean():.0%}",
                f"{np.median(records.risk[mask]):.4f}; {records.risk[mask].max():.4f}",
                *records.challenge_cells(mask, seed),
            )
        )
    columns = challenge_columns("user", "sign-ins; sessions", "countries", "context known", "median risk; highest")
    figures = {"sign_ins/challenged/0.005": records.challenge_share(0.005, masks["all"], seed)}
    return [Table("Sign-ins of a day (msticpy)", columns, tuple(rows), NOTE, SOURCE)], figures
