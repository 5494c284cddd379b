"""The log sources that can be imported, by name."""

from __future__ import annotations

from features.sources.agents import mcp, otel
from features.sources.aws import cloudtrail
from features.sources.github import audit as github_audit
from features.sources.google import cloud_audit, workspace
from features.sources.kubernetes import audit as kubernetes_audit
from features.sources.linux import auth_log
from features.sources.log_source import LogSource
from features.sources.microsoft import azure, entra, microsoft365
from features.sources.ocsf import events as ocsf_events
from features.sources.okta import system_log

SOURCES: dict[str, LogSource] = {
    source.name: source
    for source in (
        cloudtrail.SOURCE,
        azure.SOURCE,
        cloud_audit.SOURCE,
        entra.SOURCE,
        github_audit.SOURCE,
        kubernetes_audit.SOURCE,
        auth_log.SOURCE,
        mcp.SOURCE,
        microsoft365.SOURCE,
        ocsf_events.SOURCE,
        otel.SOURCE,
        system_log.SOURCE,
        workspace.SOURCE,
    )
}
"""To add a source, define a LogSource in a folder for the vendor and list it here."""
