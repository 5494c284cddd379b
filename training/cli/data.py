"""`session-trust training simulate | graft | labels pull`: labelled data, simulated or made from your own log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from features.cli.output import fail, print_plain
from features.cli.progress import progress_bar
from training.cli.shared_options import RATE, Events, Labels, Seed, console, parameters_of

if TYPE_CHECKING:
    import pyarrow as pa

    from training.scenarios.injection import InjectionSummary

data_app = typer.Typer()
labels_app = typer.Typer(help="Labels of your own events.", no_args_is_help=True, rich_markup_mode="markdown")
data_app.add_typer(labels_app, name="labels")

Out = Annotated[Path, typer.Option(help="Write the events to this Parquet file.")]
LabelsOut = Annotated[
    Path | None,
    typer.Option(help="Write the labels to this Parquet file. [default: beside --out, NAME.labels.parquet]"),
]
Parameters = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        help="YAML file with your own parameters; training/simulation/world.yaml shows all of them.",
    ),
]


@data_app.command("simulate")
def simulate_command(
    out: Out,
    labels: LabelsOut = None,
    identities: Annotated[
        int | None, typer.Option(help="Number of identities. [default: as in the parameters]")
    ] = None,
    days: Annotated[int | None, typer.Option(help="Number of days. [default: as in the parameters]")] = None,
    parameters: Parameters = None,
    seed: Seed = 1,
) -> None:
    """Simulate labelled events: legitimate activity, hard negatives and attacks.

    The events are written shard by shard (of 1,200 identities), so memory is bounded; within each shard, and so within
    each identity, they are in order of time.

    Example: `session-trust training simulate --identities 20000 --days 90 --out world.parquet`
    """
    from training.simulation.world import process_count, simulate_shards
    from training.simulation.writer import write_worlds

    world = parameters_of(parameters, identities, days)
    with progress_bar("simulating", console) as bar:
        shards = simulate_shards(seed, world, bar.update, processes=process_count(world))
        summary = write_worlds(shards, out, labels_beside(out, labels))
    console.print("simulated:", summary)


@data_app.command("graft")
def graft_command(
    events: Events,
    out: Out,
    labels: LabelsOut = None,
    scenarios: Annotated[str | None, typer.Option(help="Scenarios, separated by commas. [default: all]")] = None,
    rate: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of the sessions in which an attacker acts.")
    ] = RATE,
    seed: Seed = 1,
) -> None:
    """Inject labelled, simulated attacks into your own benign log; your events stay as they are, and come first.

    Example: `session-trust training graft events.parquet --scenarios agent_redirected,mfa_fatigue --rate 0.005
    --out labelled.parquet`
    """
    import pyarrow.parquet as pq

    from features.event.arrow import conform
    from training.scenarios.attacks.registry import SCENARIOS, scenarios_named
    from training.scenarios.injection import inject_abuse, summarize_injection
    from training.simulation.writer import write_worlds

    labels_out = labels_beside(out, labels)
    if events.resolve() in {out.resolve(), labels_out.resolve()}:
        fail(console, f"{events} would be overwritten; name another --out")
    try:
        chosen = SCENARIOS if scenarios is None else scenarios_named(scenarios)
        log = conform(pq.read_table(events))
    except ValueError as error:
        fail(console, error)
    with progress_bar("injecting", console) as bar:
        world = inject_abuse(log, rate=rate, seed=seed, scenarios=chosen, progress=bar.update)
    write_worlds([world], out, labels_out)
    if not pq.read_table(out).slice(0, len(log)).equals(log):
        fail(console, f"the first {len(log)} rows of {out} differ from {events}: do not use the file, and report this")
    _print_injection(log, summarize_injection(log, world, rate))


def _print_injection(log: pa.Table, summary: InjectionSummary) -> None:
    title = f"simulated attacks, added after your {len(log)} events, which are unchanged"
    table = Table("scenario", "victims", "events", title=title)
    for row in summary.rows:
        table.add_row(*map(str, row))
    Console().print(table)
    console.print(f"{summary.touched} of {summary.sessions} sessions touched; {summary.requested} requested")
    if summary.shortfall:
        print_plain(console, summary.shortfall)


@labels_app.command("pull")
def labels_pull_command(
    verdicts: Annotated[str, typer.Argument(help="Exported verdicts: a JSON Lines file, or an http(s) address.")],
    events: Events,
    out: Annotated[Path, typer.Option(help="Write the labels to this Parquet file.")],
    labels: Labels = None,
    key_file: Annotated[
        Path | None, typer.Option(exists=True, help="File with the bearer key for the address.")
    ] = None,
    cap: Annotated[
        int | None, typer.Option(min=1, help="Use at most this many verdicts on one identity, the newest. [default: 5]")
    ] = None,
) -> None:
    """Turn investigators' verdicts on decisions into labels of your log, a limited number per identity.

    Example: `session-trust training labels pull verdicts.jsonl events.parquet --out labels.parquet`
    """
    import pyarrow.parquet as pq

    from training.data.labels import World, benign_labels
    from training.data.verdicts import MAX_VERDICTS_PER_IDENTITY, apply_verdicts, read_verdicts

    limit = MAX_VERDICTS_PER_IDENTITY if cap is None else cap
    table = pq.read_table(events)
    try:
        before = pq.read_table(labels) if labels else benign_labels(table, "yours")
        applied = apply_verdicts(World(table, before).conformed(), read_verdicts(verdicts, key_file), limit=limit)
    except (OSError, ValueError) as error:
        fail(console, error)
    pq.write_table(applied.world.labels, out)
    console.print(
        f"{applied.taken} verdicts taken, {applied.capped} beyond the limit of {limit} per identity, "
        f"{applied.unknown} about events that are not in the log or not of that identity"
    )


def labels_beside(out: Path, labels: Path | None) -> Path:
    """Where labels are written: the given file, or by default beside their events."""
    return labels or out.with_suffix(".labels.parquet")
