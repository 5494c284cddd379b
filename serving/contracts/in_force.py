"""The policy's files and the population in force, as `GET /policy` and `GET /model` say it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from serving.contracts.decision import Timestamp
from serving.contracts.requests import WireModel


class RefusedFile(WireModel):
    """A changed file of the policy that is not in force."""

    file: Annotated[str, Field(description="The file's path.")]
    reason: Annotated[str, Field(description="What is wrong with it, and where: a line for each error.")]
    since: Annotated[Timestamp, Field(description="When it was refused for this reason first.")]


class CataloguesInForce(WireModel):
    """Which `actions.yaml`, `assets.yaml` and `identities.yaml` are in force."""

    digest: Annotated[
        str | None, Field(description="Digest of them together, as decisions name it; null without any of them.")
    ]
    files: Annotated[dict[str, str], Field(description="Digest of each file's bytes, by the file's name.")]


class PopulationInForce(WireModel):
    """What events are compared with: how common values are, and what is usual of sums of evidence."""

    digest: Annotated[str, Field(description="Its digest, as decisions name it.")]
    measured_on: Annotated[
        Literal["own events", "the model's data", "nothing"],
        Field(description="The deployment's own recent events, the model's, or nothing without a model."),
    ]
    refused: Annotated[str | None, Field(description="Why a newer population is not in force; null if it is.")]
    measured_at: Annotated[Timestamp | None, Field(description="When it was measured; null for the model's.")] = None
    in_force_since: Annotated[Timestamp | None, Field(description="Since when it may be in force.")] = None
    fresh_until: Annotated[
        Timestamp | None, Field(description="When the newest event it was measured on leaves the window.")
    ] = None
    window_days: Annotated[int | None, Field(description="The days of the window it was measured on.")] = None
    rows: Annotated[int | None, Field(description="How many events of the window were measured.")] = None
    drift: Annotated[
        float | None,
        Field(description="How far it is from the one before it (PSI); null with fewer than 500 events of each type."),
    ] = None
    why: Annotated[
        str | None, Field(description="What was left out of the window, or why a newer window was not used.")
    ] = None
