"""`session-trust population refresh | show | withdraw`: what is usual in this deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from features.cli.output import print_plain
from features.cli.progress import progress_bar
from serving.cli.shared_options import command_settings, console, existing_store

if TYPE_CHECKING:
    from features.settings import Settings
    from serving.model.active import ActiveConfiguration
    from serving.store.store import Store
    from serving.workers.population_refresh import Refresh

population_app = typer.Typer(
    help="Measure what is usual in this deployment on its own recent events, or show the population in force.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    add_completion=False,
)


@population_app.command("refresh")
def refresh_command() -> None:
    """Measure population and scales on the events of the last SESSION_TRUST_POPULATION_DAYS days, and use them.

    No labels are needed. What looks like abuse is left out: challenges that no proof answered, denied requests, revoked
    sessions, sessions that say unusually little, and what the model would have challenged where nothing else decided.
    A running service takes the result up within seconds. Exit code 1 when the window is not worth it: what was in force
    stays, and the output says why.

    Example: `session-trust population refresh`
    """
    from serving.times import now
    from serving.workers.population_refresh import refresh_population

    with command_settings() as settings:
        store = existing_store(settings)
        with progress_bar("loading the model", console) as bar:
            active = _configuration(settings, store)
            refresh = refresh_population(store, active, now(), bar.stage)
        _print_refresh(refresh)
        raise typer.Exit(1 if refresh.refused else 0)


def _print_refresh(refresh: Refresh) -> None:
    print_plain(console, f"left out of the window: {refresh.left_out}")
    if refresh.own is None:
        print_plain(console, f"what was in force stays, since the window {refresh.refused}")
        return
    drift = "unknown" if refresh.own.drift is None else f"{refresh.own.drift:.3f}"
    print_plain(console, f"measured on {refresh.own.rows:,} events; drift from the one before (PSI): {drift}")
    print(refresh.own.snapshot.digest)


@population_app.command("show")
def show_command() -> None:
    """Say which population is in force, on what it was measured, and until when it is fresh.

    Exit code 1 when a refresh is called for: a stored population is damaged, or the one in force is no longer fresh.

    Example: `session-trust population show`
    """
    from serving.policy_analysis.reviews.population_drift import refresh_called_for
    from serving.times import now
    from serving.workers.population_refresh import in_force

    with command_settings() as settings:
        store = existing_store(settings)
        with progress_bar("loading the model", console):
            active = in_force(store, _configuration(settings, store))
        print(active.snapshot.digest)
        own = active.own
        if own is None:
            print_plain(console, "the model's own population is in force")
        else:
            print_plain(
                console, f"measured {own.measured_at:%F %T} on {own.rows:,} events of {own.days} days; {own.why}"
            )
        called_for = refresh_called_for(store, now())
        if called_for:
            print_plain(console, called_for)
        raise typer.Exit(1 if called_for else 0)


@population_app.command("withdraw")
def withdraw_command() -> None:
    """Put the model's own population back into force. Set SESSION_TRUST_POPULATION_REFRESH_HOURS to 0 to keep it so.

    Histories stay as they are: `rebuild` knows what each event was folded with. Exit code 1 if it was in force.

    Example: `session-trust population withdraw`
    """
    with command_settings() as settings, existing_store(settings).transaction() as tx:
        withdrawn = tx.populations.withdraw()
    console.print(f"the model's population is {'in force from now on' if withdrawn else 'in force already'}")
    raise typer.Exit(0 if withdrawn else 1)


def _configuration(settings: Settings, store: Store) -> ActiveConfiguration:
    """The configuration a service would start with, over an upgraded database."""
    from serving.model.active import load_configuration

    store.migrate()
    return load_configuration(settings)
