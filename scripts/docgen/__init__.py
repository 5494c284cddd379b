"""Generates the documentation from the code and from recordings. The command is `scripts/docs`."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The repository."""
