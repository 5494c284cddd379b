"""The log sources that can be imported, by name."""

from __future__ import annotations

from features.sources.aws import cloudtrail
from features.sources.log_source import LogSource

SOURCES: dict[str, LogSource] = {source.name: source for source in (cloudtrail.SOURCE,)}
"""To add a source, define a LogSource in a folder for the vendor and list it here."""
