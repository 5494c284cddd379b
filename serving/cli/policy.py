"""`session-trust policy lint | show | schema | templates`: check a policy file, print it, its schema, templates."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from features.cli.output import fail, print_plain
from serving.cli.shared_options import command_settings, console

if TYPE_CHECKING:
    from serving.policy.tables import PolicyTable

Read = TypeVar("Read")
policy_app = typer.Typer(help="Check, show and try policies.", no_args_is_help=True)
File = Annotated[Path | None, typer.Argument(dir_okay=False, help="A policy file; by default the one in force.")]


@policy_app.command("lint")
def lint(
    file: Annotated[
        Path | None,
        typer.Argument(
            dir_okay=False,
            help="A policy file, or an actions.yaml, assets.yaml or identities.yaml; by default those in force.",
        ),
    ] = None,
) -> None:
    """Check a policy, or a catalogue beside it, for rules never reached and demands that no remedy can satisfy.

    Exit code 1 with a line for each finding, or for each error with file and line when the file is not valid; 2 when
    it cannot be read.

    Example: `session-trust policy lint next-policy.yaml`
    """
    lines = [line for path in ([file] if file else _files_in_force()) for line in _lint(path)]
    if lines:
        for line in lines:
            print_plain(console, line)
        raise typer.Exit(1)


def _lint(path: Path) -> list[str]:
    """The findings of a file by the lint of its kind; without any, its digest is printed."""
    from serving.deployment.catalogue_files import FILES, NO_CATALOGUES, misnamed_files, parse_catalogue
    from serving.policy.loader import read_file
    from serving.policy.schema import Policy
    from serving.policy_analysis.lint import lint_catalogues, lint_policy

    if misnamed := misnamed_files(path.parent).get(path):
        return [misnamed]
    if path.name in FILES:
        data = _read(lambda: read_file(path))
        catalogues = NO_CATALOGUES.with_file(path.name, data, _read(lambda: parse_catalogue(data, path)))
        findings, digest = lint_catalogues(catalogues), catalogues.digest
    else:
        policy = _read(lambda: Policy.load(path))
        findings, digest = lint_policy(policy), policy.digest
    if not findings:
        print_plain(console, f"{path} has no findings: {digest}")
    return [f"{path}: {finding}" for finding in findings]


def _files_in_force() -> list[Path]:
    from serving.deployment.catalogue_files import FILES, misnamed_files
    from serving.model.active import catalogue_folder

    with command_settings() as settings:
        folder = catalogue_folder(settings)
        catalogues = (folder / name for name in FILES if (folder / name).exists())
        return [_file_in_force(), *catalogues, *misnamed_files(folder)]


@policy_app.command("show")
def show(file: File = None) -> None:
    """Print a policy as tables, and its path and digest on standard error.

    Example: `session-trust policy show`
    """
    from serving.policy.schema import Policy
    from serving.policy.tables import policy_tables

    path = file or _file_in_force()
    policy = _read(lambda: Policy.load(path))
    print_plain(console, f"{path} {policy.digest}")
    for each in policy_tables(policy):
        _print_table(each)


@policy_app.command("templates")
def templates(
    name: Annotated[str | None, typer.Argument(help="One identity provider; by default all are listed.")] = None,
) -> None:
    """List the identity providers whose acr and amr values are known, or print the lines of a policy that name one.

    The lines go into a policy file as they are; as comments they say what each value means, and what is left to map.
    Exit code 2 when there is no such template.

    Example: `session-trust policy templates okta`
    """
    from serving.policy.assurance import identity_providers
    from serving.policy.loader import suggestion
    from serving.policy.tables import provider_lines, provider_table

    providers = identity_providers()
    if name is None:
        _print_table(provider_table(providers))
        return
    template = next((each for known, each in providers.items() if known == name), None)
    if template is None:
        fail(console, f"there is no template {name!r}" + suggestion(name, providers))
    print(provider_lines(name, template), end="")


@policy_app.command("schema")
def schema() -> None:
    """Print the JSON Schema of policy files, for editors.

    Example: `session-trust policy schema > policy.schema.json`
    """
    from serving.policy.schema import Policy

    print(json.dumps(Policy.model_json_schema(), indent=1))


def _print_table(each: PolicyTable) -> None:
    table = Table(*each.columns, title=each.title, title_justify="left")
    for row in each.rows:
        table.add_row(*row)
    Console().print(table)


def _file_in_force() -> Path:
    from serving.model.active import policy_file

    with command_settings() as settings:
        return policy_file(settings)


def _read(read: Callable[[], Read]) -> Read:
    """What is read; a file that is refused is an error of one sentence."""
    from serving.policy.schema import PolicyError

    try:
        return read()
    except PolicyError as error:
        fail(console, error, code=2 if isinstance(error.__cause__, OSError) else 1)
