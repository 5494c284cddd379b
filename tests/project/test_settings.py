"""Defaults need no configuration, and a wrong variable is named with its value."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.settings import PREFIX, Settings, SettingsError


def test_defaults_write_only_below_the_home_folder() -> None:
    """Whatever is written by default lies under `.local/`."""
    here = Settings.from_environment({})
    home = Path(".local").resolve()

    places = (here.database_url, here.tracking_uri, here.artifacts)

    assert (here.home, [str(home) in place for place in places]) == (home, [True, True, True])


@pytest.mark.parametrize("field", Settings.model_fields)
def test_every_setting_is_read_from_the_environment(field: str) -> None:
    """SESSION_TRUST_<FIELD> sets the field of that name."""
    given = {"port": "4000", "allowed_skew_seconds": "60", "habits_from": "events", "retention_days": "400"}.get(
        field, "7" if field.startswith("population_") else "/elsewhere"
    )

    here = Settings.from_environment({PREFIX + field.upper(): given})

    assert str(getattr(here, field)) == given


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [("PORT", "http", "whole number"), ("PORT", "-1", "whole number"), ("HABITS_FROM", "both", "'score' or 'events'")],
)
def test_a_wrong_value_is_named(name: str, value: str, said: str) -> None:
    """The error holds the variable, what it is and what it must be."""
    with pytest.raises(SettingsError, match=f"{PREFIX}{name} is '{value}'; .*{said}"):
        Settings.from_environment({PREFIX + name: value})


def test_the_home_folder_is_its_owners_alone(tmp_path: Path) -> None:
    """Histories, keys and decisions are readable by the service's own user only."""
    here = Settings.from_environment({"SESSION_TRUST_HOME": str(tmp_path / "deep" / "home")})

    assert here.ensure_home().stat().st_mode & 0o777 == 0o700
