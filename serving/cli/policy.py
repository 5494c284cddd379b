"""`python -m serving policy lint | show | schema`: is a policy sound, what does it say, what may it hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from serving.cli.shared_options import command_settings, console
from serving.model.active import policy_file
from serving.policy.schema import Policy, PolicyError
from serving.policy.tables import sections
from serving.policy_analysis.lint import findings

policy_app = typer.Typer(help="What the service rules by.", no_args_is_help=True)
File = Annotated[Path | None, typer.Argument(dir_okay=False, help="Another file than the one in force.")]


@policy_app.command("lint")
def lint(file: File = None) -> None:
    """Say whether a policy is sound: exit code 1 with findings, by file and line where it is not even well formed,
    and 2 where it cannot be read.

    Example: `python -m serving policy lint next-policy.yaml`
    """
    file = file or _in_force()
    policy = _loaded(file)
    found = findings(policy)
    for finding in found:
        console.print(f"{file}: {finding}", markup=False, highlight=False, soft_wrap=True)
    if found:
        raise typer.Exit(1)
    console.print(f"{file} is sound: {policy.digest}", soft_wrap=True, highlight=False)


@policy_app.command("show")
def show(file: File = None) -> None:
    """Print what a policy asks of whom, as tables; on the error channel where it lies and its digest.

    Example: `python -m serving policy show`
    """
    file = file or _in_force()
    policy = _loaded(file)
    console.print(f"{file} {policy.digest}", soft_wrap=True, highlight=False)
    for section in sections(policy):
        table = Table(*section.columns, title=section.title, title_justify="left")
        for row in section.rows:
            table.add_row(*row)
        Console().print(table)


@policy_app.command("schema")
def schema() -> None:
    """Print the JSON Schema of policy files, for an editor to check them by.

    Example: `python -m serving policy schema > policy.schema.json`
    """
    print(json.dumps(Policy.model_json_schema(), indent=1))


def _in_force() -> Path:
    with command_settings() as here:
        return policy_file(here)


def _loaded(file: Path) -> Policy:
    try:
        return Policy.load(file)
    except PolicyError as error:
        console.print(str(error), markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2 if isinstance(error.__cause__, OSError) else 1) from error
