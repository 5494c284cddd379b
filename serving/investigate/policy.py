"""The page that shows the policy in force, and the findings about its rules."""

from __future__ import annotations

from collections.abc import Sequence

from serving.investigate.rendering import render_signed_in
from serving.policy.schema import Policy
from serving.policy.tables import policy_tables
from serving.store.findings import StoredFinding


def policy_page(
    policy: Policy, refused: str | None, findings: Sequence[StoredFinding], *, form_token: str | None = None
) -> str:
    """The policy as tables; `refused` says why a newer file is not in force."""
    tables = policy_tables(policy)
    return render_signed_in("policy.html", form_token, policy=policy, tables=tables, refused=refused, findings=findings)
