"""The operator asks the past: `python -m serving policy replay | tune | review`.

Exit codes: 0 done, 1 a review is due, 2 it could not be done as asked.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from serving.cli.shared_options import command_settings, console, existing_store
from serving.model.active import policy_file
from serving.policy_analysis import review_report, tuning_report
from serving.policy_analysis.from_decision_log import Window, revoked
from serving.policy_analysis.past_requests import Told
from serving.policy_analysis.replay import tried
from serving.policy_analysis.replay_counts import Tally
from serving.policy_analysis.replay_plot import picture
from serving.policy_analysis.replay_report import ASSUMED, plain, tables
from serving.policy_analysis.review import TooFew, review
from serving.policy_analysis.review_window import collected
from serving.policy_analysis.select_requests import (
    CannotTell,
    Requests,
    model_of,
    moment,
    policy_of,
    requests,
    share,
    span,
)
from serving.policy_analysis.tune import TooLittleKnown, sampled, tune
from serving.policy_analysis.write_policy import NoThresholds, written
from serving.store.schema import LIVE

policy_history_app = typer.Typer(help="What a policy would have done, and whether it still fits.", no_args_is_help=True)
WIDE = 200
"""Columns of a table where the output is no terminal."""

PolicyFile = Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The policy to try.")]
Model = Annotated[str | None, typer.Option(help="A registered version or alias; without, as each was judged then.")]
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
Space = Annotated[str, typer.Option(help="The history space: live, or replay:NAME.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Out = Annotated[Path | None, typer.Option(dir_okay=False, help="Where a picture goes (.png, .svg or .pdf).")]


@contextmanager
def bar(what: str) -> Iterator[Told]:
    """A progress bar with the rate and the time left."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    with Progress(*columns, console=console) as shown:
        task = shown.add_task(what, total=None)
        yield lambda done, of: shown.update(task, completed=done, total=of)


class _Rate(ProgressColumn):
    """How many a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")


def printed(found: Any) -> None:
    """Tables on a terminal as wide as it is, elsewhere wide enough to be read."""
    Console(width=None if sys.stdout.isatty() else WIDE).print(found)


@policy_history_app.command("replay")
def replay_(
    policy: PolicyFile,
    against: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Compare with this policy instead of what was ruled."),
    ] = None,
    model: Model = None,
    events: Events = None,
    labels: Labels = None,
    since: Since = None,
    until: Until = None,
    space: Space = LIVE,
    as_json: AsJson = False,
    out: Out = None,
) -> None:
    """Try a policy on recorded decisions, or on events: what it would ask, stop and let pass, beside what was ruled.

    Events are compared with the policy in force, since nobody ruled on them.

    Example: `python -m serving policy replay --policy next.yaml --since 2026-03-01 --out next.png`
    """
    with command_settings() as here:
        window = Window(moment(since) if since else None, moment(until) if until else None, space)
        asked, store = Requests(window, events, labels), None if events else existing_store(here, ", or give --events")
        next_, chosen = policy_of(here, policy), model_of(here, model) if model else None
        rival = policy_of(here, against) if against or events else None
        tally = Tally()
        with bar("replaying") as told:
            cases = requests(here, store, asked, chosen, told)
            tally.add(tried(cases, next_, rival, revoked(store, space) if store else None))
        changes = tally.changes()
        names = {
            "policy": next_.digest,
            "against": rival.digest if rival else "what was ruled",
            "model": chosen.version if chosen else "the champion" if events else "as each was judged then",
            "requests": asked.said,
        }
        if as_json:
            print(json.dumps(plain(changes, names), indent=1))
        else:
            for table in tables(changes):
                printed(table)
            _said(names, changes.judged, changes.missing, changes.unknown)
        if out:
            picture(changes, out, f"{policy.name} against {names['against'][:19]}: {changes.judged:,} {asked.said}")


@policy_history_app.command("tune")
def tune_(
    friction: Annotated[str, typer.Option(help="The share of legitimate requests to challenge, such as 0.5%.")],
    write: Annotated[Path, typer.Option("--write", dir_okay=False, help="Where the policy goes.")] = Path("tuned.yaml"),
    policy: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="The policy to start from; by default that in force."),
    ] = None,
    model: Model = None,
    events: Events = None,
    labels: Labels = None,
    since: Since = None,
    until: Until = None,
    space: Space = LIVE,
    as_json: AsJson = False,
    out: Out = None,
) -> None:
    """Choose thresholds for a budget of friction, show what they cost and buy, and write a policy that has them.

    Requests without a label count as legitimate. Look at the whole effect with `policy replay` before it goes live.

    Example: `python -m serving policy tune --friction 0.5% --events events.parquet --labels labels.parquet`
    """
    with command_settings() as here:
        budget, start = share(friction), policy or policy_file(here)
        window = Window(moment(since) if since else None, moment(until) if until else None, space)
        asked, store = Requests(window, events, labels), None if events else existing_store(here, ", or give --events")
        chosen = model_of(here, model) if model else None
        before = policy_of(here, start)
        with bar("reading") as told:
            sample, source = sampled(requests(here, store, asked, chosen, told), before)
        try:
            tuned = tune(sample, budget, source)
            how = f"{asked.said}, model {chosen.version if chosen else 'as each was judged'}"
            write.write_text(written(start.read_text(), before, tuned, budget, how))
        except (TooLittleKnown, NoThresholds) as error:
            raise CannotTell(str(error)) from error
        if as_json:
            print(json.dumps(tuning_report.plain(tuned), indent=1))
        else:
            for table in tuning_report.tables(tuned):
                printed(table)
        if out:
            tuning_report.picture(tuned, out)
        console.print(f"{write} is written: {policy_of(here, write).digest}", soft_wrap=True, highlight=False)


@policy_history_app.command("review")
def review_(
    before: Annotated[str, typer.Option(help="The earlier window, A..B; B itself is not included.")],
    after: Annotated[str, typer.Option(help="The later window.")],
    labels: Labels = None,
    space: Space = LIVE,
    as_json: AsJson = False,
) -> None:
    """Compare two windows of recorded decisions, and name the floors and thresholds to look at again.

    Exit code 1 when a review is due.

    Example: `python -m serving policy review --before 2026-01-01..2026-02-01 --after 2026-02-01..2026-03-01`
    """
    with command_settings() as here:
        windows, store = (span(before, space), span(after, space)), existing_store(here, ", or give --events")
        read = []
        for name, window in zip(("before", "after"), windows, strict=True):
            with bar(f"reading {name}") as told:
                read.append(collected(requests(here, store, Requests(window, None, labels), None, told)))
        try:
            found = review(read[0], read[1], policy_of(here))
        except TooFew as error:
            raise CannotTell(str(error)) from error
        if as_json:
            print(json.dumps(review_report.plain(found), indent=1))
        else:
            for table in review_report.tables(found):
                printed(table)
        raise typer.Exit(1 if found.due else 0)


def _said(names: dict[str, str], judged: int, missing: dict[str, int], unknown: dict[str, int]) -> None:
    """What was compared, what it rests on, and what cannot be known."""
    for name, value in names.items():
        console.print(f"{name}: {value}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"{judged:,} requests judged, {sum(missing.values()):,} not")
    for why, count in (*missing.items(), *unknown.items()):
        console.print(f"  {count:,}: {why}", markup=False, highlight=False, soft_wrap=True)
    for sentence in ASSUMED:
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)
