"""The page that shows the policy in force, and the findings about its rules."""

from __future__ import annotations

from collections.abc import Sequence

from serving.investigate.rendering import render_signed_in
from serving.model.active import RefusedFile
from serving.policy.schema import Policy
from serving.policy.tables import policy_tables
from serving.store.findings import StoredFinding


def policy_page(
    policy: Policy,
    refused: Sequence[RefusedFile],
    findings: Sequence[StoredFinding],
    *,
    form_token: str | None = None,
) -> str:
    """The policy as tables; `refused` says why newer files are not in force."""
    tables = policy_tables(policy)
    return render_signed_in("policy.html", form_token, policy=policy, tables=tables, refused=refused, findings=findings)
