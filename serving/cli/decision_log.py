"""`session-trust verify | anchor | rebuild`: whether what was recorded is still what is stored."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.cli.output import print_plain, show_first
from features.cli.progress import progress_bar
from serving.cli.shared_options import command_settings, console, existing_store

if TYPE_CHECKING:
    from serving.store.chain.verify import VerifyReport
    from serving.store.rebuild import Difference

log_app = typer.Typer(rich_markup_mode="markdown", add_completion=False)
MOST_SHOWN = 20
"""How many findings are printed in full."""


@log_app.command("verify")
def verify_command(
    anchors: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Anchors that were kept elsewhere, as `anchor` wrote them.")
    ] = None,
    public_key: Annotated[
        str | None,
        typer.Option(help="Who must have signed the anchors; by default the key in SESSION_TRUST_SIGNING_KEY."),
    ] = None,
    histories: Annotated[
        bool, typer.Option("--histories", help="Also compare every history with its events, which takes longer.")
    ] = False,
) -> None:
    """Compare what is stored with what the hash chains recorded. Exit code 1 names the first differences.

    A decision, verdict, revocation, step-up, key, identity type, challenge, count of prompts or end of a session that
    was changed, removed or added without its record is found. Whoever can write the whole database can also rewrite
    the chains, or cut off their ends: only `--anchors` finds that, and only for what was recorded before the newest
    anchor. The last lines of the output say what was not checked. The head of each chain goes to standard output.

    Example: `session-trust verify --anchors /mnt/elsewhere/anchors.ndjson --histories`
    """
    from features.history.population import empty_population
    from serving.store.chain.anchors import read_anchors
    from serving.store.chain.signing_key import public_key_of, read_signing_key
    from serving.store.chain.verify import verify_log
    from serving.store.rebuild import rebuild_histories

    with command_settings() as settings:
        store = existing_store(settings)
        kept = read_anchors(anchors) if anchors else None
        if kept is not None and public_key is None:
            public_key = public_key_of(read_signing_key(Path(settings.signing_key)))
        with progress_bar("verifying", console) as bar:
            report = verify_log(store, bar.update, kept, public_key)
        differences: tuple[Difference, ...] = ()
        if histories:
            with progress_bar("comparing histories", console) as bar:
                differences = rebuild_histories(store, empty_population(), write=False, progress=bar.update)
        _print_report(report, differences if histories else None)
        raise typer.Exit(0 if report.ok and not differences else 1)


def _print_report(report: VerifyReport, differences: tuple[Difference, ...] | None) -> None:
    chains = "1 chain" if len(report.heads) == 1 else f"{len(report.heads)} chains"
    console.print(f"{chains}, {report.rows} rows, {report.erased} erased payloads")
    for head in report.heads:
        print(f"{head.chain} {head.sequence} {head.hash}")
    console.print("no difference was found" if report.ok else f"{len(report.breaks)} breaks:")
    show_first(console, report.breaks, MOST_SHOWN)
    if differences:
        console.print(f"{len(differences)} histories differ from their events:")
        show_first(console, differences, MOST_SHOWN)
    for sentence in _not_proven(report, histories=differences is not None):
        print_plain(console, f"not proven: {sentence}")


def _not_proven(report: VerifyReport, *, histories: bool) -> list[str]:
    """What the output must not be taken for."""
    anchored = report.anchors
    if anchored is None:
        sentences = [
            "that nobody rewrote the chains or cut off their ends: whoever can write the whole database can. "
            "Give --anchors a file of anchors that was kept elsewhere"
        ]
    elif anchored.newest_at is None:
        sentences = ["that nobody rewrote the chains or cut off their ends: no anchor is signed by the key"]
    else:
        since = f"the newest anchor ({anchored.newest_at:%F %T}): {anchored.rows_since} rows came after it"
        sentences = [f"that nobody rewrote what was recorded since {since}"]
    sentences.append(
        "that rows at the end of a chain came from the service: whoever can write the database can add some"
    )
    if report.earlier:
        sentences.append(
            f"what {report.earlier} rows said before an upgrade gave them their links: changes since then are found"
        )
    sentences.append(
        "that events are as they arrived: a history is compared with its events, and both can be changed together"
        if histories
        else "that histories are what their events give: --histories compares them"
    )
    return sentences


@log_app.command("anchor")
def anchor_command(
    append: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Add the line to this file, instead of printing it.")
    ] = None,
    public_key: Annotated[
        bool, typer.Option("--public-key", help="Print the public part of the signing key, and no anchor.")
    ] = False,
) -> None:
    """Print the heads of the hash chains, signed, as one line of JSON: keep it where the database is not.

    `session-trust verify --anchors` then finds out if what was recorded before was rewritten or cut off. The signing
    key (Ed25519) is in the file that SESSION_TRUST_SIGNING_KEY names, made if there is none. Note its public key
    elsewhere too, for `verify --public-key`.

    Example: `session-trust anchor --append /mnt/elsewhere/anchors.ndjson`
    """
    from serving.store.chain.anchors import append_anchor, chain_heads, make_anchor
    from serving.store.chain.signing_key import ensure_signing_key, public_key_of

    with command_settings() as settings:
        store = existing_store(settings)
        key = ensure_signing_key(Path(settings.signing_key))
        if public_key:
            print(public_key_of(key))
            return
        with progress_bar("reading the heads of the chains", console):
            current = chain_heads(store)
        line = make_anchor(current, key)
        if append is None:
            sys.stdout.write(line + "\n")
        else:
            append_anchor(line, append)
        chains = "1 chain" if len(current.tips) == 1 else f"{len(current.tips)} chains"
        where = f"added to {append}" if append else "printed: keep it where the database is not"
        print_plain(
            console, f"an anchor of {chains} with {current.rows:,} rows, signed by {settings.signing_key}, {where}"
        )


@log_app.command("rebuild")
def rebuild_command(
    write: Annotated[bool, typer.Option("--write", help="Replace what differs.")] = False,
) -> None:
    """Recompute every history from its events, and every count of prompts. Exit code 1 when one differs.

    Events are taken in the order they arrived; prompts are counted from the challenges. Without `--write` nothing is
    changed.

    Example: `session-trust rebuild --write`
    """
    from serving.model.active import active_population
    from serving.store.prompts.recount import recount_prompts
    from serving.store.rebuild import rebuild_histories

    with command_settings() as settings, progress_bar("rebuilding", console) as bar:
        store = existing_store(settings)
        histories = rebuild_histories(store, active_population(settings), write=write, progress=bar.update)
        differences = (*histories, *recount_prompts(store, write=write))
        console.print(f"{len(differences)} differences{' were found, and replaced' if write else ''}")
        show_first(console, differences, MOST_SHOWN)
        raise typer.Exit(1 if differences else 0)
