"""Writes the generated parts of the documentation from the code."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The repository."""
