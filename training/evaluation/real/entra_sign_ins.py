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
from training.evaluation.tables import Table
from training.metrics.bootstrap import Estimate
from training.real_records.scoring import REAL, cells, columns, seen

SIGN_INS = data_folder() / "msticpy" / "aad_logons.ndjson.gz"
NOTE = (
    "Records that stand twice under one id are taken once. One day, unlabelled, and histories that begin with it: it "
    "can show that sign-ins of this form are read and that known places calm the model within a day; nothing about "
    "recall, and no rate of friction that would hold after a month of history."
)


def sign_in_of(record: Record) -> Event:
    """One row of Entra's sign-in log; raises ValueError where it is none."""
    place = part_of(record, "LocationDetails")
    where = part_of(place, "geoCoordinates")
    claimed = "MFA" in str(part_of(record, "Status").get("additionalDetails", ""))
    several = claimed or record.get("AuthenticationRequirement") == "multiFactorAuthentication"
    parts: dict[str, Any] = {
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
            "country": text_of(place.get("countryOrRegion")),
            "latitude": where.get("latitude"),
            "longitude": where.get("longitude"),
        },
        "device": {
            "id": text_of(part_of(record, "DeviceDetail").get("deviceId")),
            "user_agent": text_of(record.get("UserAgent")),
        },
        "authentication": {"amr": ("mfa",) if several else None},
    }
    return Event.model_validate(parts)


def sign_ins(model: TrustModel, tables: NetworkTables, seed: int) -> tuple[list[Table], dict[str, Estimate]]:
    """The risk of each user's sign-ins, as the day goes on."""
    records = [record for _, record in records_of(SIGN_INS) if not isinstance(record, str)]
    once = {json.dumps(record.get("Id")): record for record in records}
    of = seen(model, table_of(map(sign_in_of, once.values())), tables)
    first = np.unique(of.events["session.id"].to_numpy(), return_index=True)[1]
    groups = {"all": np.ones(len(of.kind), bool)}
    groups |= {f"user {n + 1}": of.identity == n for n in np.unique(of.identity)}
    rows = [
        (
            name,
            f"{int(here.sum())}; {len(np.intersect1d(first, np.flatnonzero(here)))}",
            f"{len(set(of.events['network.country'].filter(here).to_pylist()))}",
            f"{of.known[here].mean():.0%}",
            f"{np.median(of.risk[here]):.4f}; {of.risk[here].max():.4f}",
            *cells(of, here, seed),
        )
        for name, here in groups.items()
    ]
    head = columns("whose", "sign-ins; sessions", "countries", "context known", "median risk; highest")
    figures = {"sign_ins/challenged/0.005": of.share(0.005, groups["all"], seed)}
    return [Table("Sign-ins of a day (msticpy)", head, tuple(rows), NOTE, REAL)], figures
