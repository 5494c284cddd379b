"""`session-trust policy replay | tune | review`: try a policy on past requests, tune it, review it.

Exit codes: 0 done, 1 a review is due, 2 the command could not run.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from features.cli.output import print_plain
from features.cli.progress import progress_bar
from serving.cli.shared_options import command_settings, console, existing_store

if TYPE_CHECKING:
    from features.settings import Settings
    from serving.policy_analysis.past.select_requests import RequestSource
    from serving.policy_analysis.replays.replay_counts import ReplayResult
    from serving.store.store import Store

policy_history_app = typer.Typer(help="Try policies on past requests.", no_args_is_help=True)
WIDTH = 200
"""Columns of a table when the output is not a terminal."""

PolicyFile = Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The policy to try.")]
Model = Annotated[
    str | None,
    typer.Option(help="A registered version or alias that scores every request; by default the recorded trust counts."),
]
Events = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, help="Events as Parquet, instead of the decision log.")
]
Labels = Annotated[
    Path | None,
    typer.Option(
        exists=True, dir_okay=False, help="Labels as Parquet: row by row for events, by decision_id for decisions."
    ),
]
Since = Annotated[str | None, typer.Option(help="Decisions from this time on, such as 2026-03-01.")]
Until = Annotated[str | None, typer.Option(help="Decisions before this time.")]
Space = Annotated[str, typer.Option(help="The namespace of the decisions: live, or replay:NAME.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Out = Annotated[Path | None, typer.Option(dir_okay=False, help="Where to write a chart (.png, .svg or .pdf).")]


@policy_history_app.command("replay")
def replay_command(
    policy: PolicyFile,
    against: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Compare with this policy instead of the recorded rulings."),
    ] = None,
    model: Model = None,
    events: Events = None,
    labels: Labels = None,
    since: Since = None,
    until: Until = None,
    space: Space = "live",
    as_json: AsJson = False,
    out: Out = None,
) -> None:
    """Try a policy on recorded decisions or on events: what it would ask, stop and allow, compared with before.

    Events have no recorded rulings, so they are compared with the policy in force unless `--against` is given.

    Example: `session-trust policy replay --policy next.yaml --since 2026-03-01 --out next.png`
    """
    from serving.policy_analysis.past.past_reports import NO_REPORTS, read_reports
    from serving.policy_analysis.past.select_requests import load_known, load_model, load_policy, read_requests
    from serving.policy_analysis.replays.replay import replay_policy
    from serving.policy_analysis.replays.replay_counts import ReplayCounts
    from serving.policy_analysis.replays.replay_report import plot_replay, replay_json, replay_tables

    with command_settings() as settings:
        source, store = _source(settings, events, labels, since, until, space)
        next_policy, chosen = load_policy(settings, policy), load_model(settings, model) if model else None
        compared = load_policy(settings, against) if against or events else None
        counts = ReplayCounts()
        with progress_bar("replaying", console) as bar:
            requests = read_requests(settings, store, source, chosen, bar.update)
            reports = read_reports(store, space) if store else NO_REPORTS
            counts.add(replay_policy(requests, next_policy, compared, reports, load_known(settings)))
        result = counts.result()
        names = {
            "policy": next_policy.digest,
            "against": compared.digest if compared else "the recorded rulings",
            "model": chosen.version if chosen else "the champion" if events else "as recorded",
            "requests": source.description,
        }
        if as_json:
            print(json.dumps(replay_json(result, names), indent=1))
        else:
            _print_tables(replay_tables(result))
            _print_coverage(result, names)
        if out:
            title = f"{policy.name} against {names['against'][:20]}: {result.judged:,} {source.description}"
            plot_replay(result, out, title)


@policy_history_app.command("tune")
def tune_command(
    friction: Annotated[str, typer.Option(help="The share of legitimate requests to challenge, such as 0.5%.")],
    write: Annotated[Path, typer.Option("--write", dir_okay=False, help="Where to write the policy.")] = Path(
        "tuned.yaml"
    ),
    policy: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="The policy to start from; by default the one in force."),
    ] = None,
    model: Model = None,
    events: Events = None,
    labels: Labels = None,
    since: Since = None,
    until: Until = None,
    space: Space = "live",
    as_json: AsJson = False,
    out: Out = None,
) -> None:
    """Choose thresholds for a friction budget, show what they cost and achieve, and write a policy with them.

    Requests without a label count as legitimate. See the whole effect with `policy replay` before the policy goes live.

    Example: `session-trust policy tune --friction 0.5% --events events.parquet --labels labels.parquet`
    """
    from serving.model.active import policy_file
    from serving.policy_analysis.past.select_requests import (
        load_known,
        load_model,
        load_policy,
        parse_share,
        read_requests,
    )
    from serving.policy_analysis.tuning.tune import tune_thresholds, tuning_sample
    from serving.policy_analysis.tuning.tuning_report import plot_trade_off, tuning_json, tuning_tables
    from serving.policy_analysis.tuning.write_policy import write_thresholds

    with command_settings() as settings:
        budget, start = parse_share(friction), policy or policy_file(settings)
        source, store = _source(settings, events, labels, since, until, space)
        chosen, before = load_model(settings, model) if model else None, load_policy(settings, start)
        with progress_bar("reading", console) as bar:
            sample, label_source = tuning_sample(
                read_requests(settings, store, source, chosen, bar.update), before, load_known(settings)
            )
        tuned = tune_thresholds(sample, budget, label_source)
        basis = f"{source.description}, model {chosen.version if chosen else 'as recorded'}"
        write.write_text(write_thresholds(start.read_text(), tuned, budget, basis))
        if as_json:
            print(json.dumps(tuning_json(tuned), indent=1))
        else:
            _print_tables(tuning_tables(tuned))
        if out:
            plot_trade_off(tuned, out)
        print_plain(console, f"{write} is written: {load_policy(settings, write).digest}")


@policy_history_app.command("review")
def review_command(
    before: Annotated[str, typer.Option(help="The earlier window, A..B, without B itself.")],
    after: Annotated[str, typer.Option(help="The later window.")],
    labels: Labels = None,
    space: Space = "live",
    as_json: AsJson = False,
) -> None:
    """Compare two windows of recorded decisions, and name the floors and thresholds to examine again.

    It also says whether the population calls for a refresh, or for a new model. Exit code 1 when a review is due.

    Example: `session-trust policy review --before 2026-01-01..2026-02-01 --after 2026-02-01..2026-03-01`
    """
    from serving.policy_analysis.past.select_requests import RequestSource, load_policy, parse_window, read_requests
    from serving.policy_analysis.reviews.population_drift import refresh_called_for
    from serving.policy_analysis.reviews.review import compare_windows
    from serving.policy_analysis.reviews.review_report import review_json, review_tables
    from serving.policy_analysis.reviews.review_window import summarise_window
    from serving.times import now

    with command_settings() as settings:
        windows = {"before": parse_window(before, space), "after": parse_window(after, space)}
        store = existing_store(settings)
        summaries = {}
        for name, window in windows.items():
            with progress_bar(f"reading {name}", console) as bar:
                source = RequestSource(window, None, labels)
                summaries[name] = summarise_window(read_requests(settings, store, source, None, bar.update))
        review = compare_windows(summaries["before"], summaries["after"], load_policy(settings))
        review = review.with_population(refresh_called_for(store, now()))
        if as_json:
            print(json.dumps(review_json(review), indent=1))
        else:
            _print_tables(review_tables(review))
        raise typer.Exit(1 if review.due else 0)


def _source(
    settings: Settings, events: Path | None, labels: Path | None, since: str | None, until: str | None, space: str
) -> tuple[RequestSource, Store | None]:
    """Where past requests come from, and the store when they come from the decision log."""
    from serving.policy_analysis.past.from_decision_log import LogWindow
    from serving.policy_analysis.past.select_requests import RequestSource, parse_time

    window = LogWindow(parse_time(since) if since else None, parse_time(until) if until else None, space)
    store = None if events else existing_store(settings, ", or give --events")
    return RequestSource(window, events, labels), store


def _print_tables(tables: Any) -> None:
    """Print tables as wide as the terminal, or WIDTH columns wide where there is none."""
    output = Console(width=None if sys.stdout.isatty() else WIDTH)
    for table in tables:
        output.print(table)


def _print_coverage(result: ReplayResult, names: dict[str, str]) -> None:
    """Print what was compared, how many requests were left out and why, and the assumptions."""
    from serving.policy_analysis.replays.replay_report import ASSUMPTIONS

    for name, value in names.items():
        print_plain(console, f"{name}: {value}")
    print_plain(console, f"{result.judged:,} requests decided, {sum(result.missing.values()):,} not")
    for reason, count in (*result.missing.items(), *result.unknown.items()):
        print_plain(console, f"  {count:,}: {reason}")
    for sentence in ASSUMPTIONS:
        print_plain(console, sentence)
