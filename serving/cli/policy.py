"""`session-trust policy lint | show | schema | templates`: check a policy file, print it, its schema, templates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from features.cli.output import fail, print_plain
from serving.cli.shared_options import command_settings, console

if TYPE_CHECKING:
    from serving.policy.schema import Policy
    from serving.policy.tables import PolicyTable

policy_app = typer.Typer(help="Check, show and try policies.", no_args_is_help=True)
File = Annotated[Path | None, typer.Argument(dir_okay=False, help="A policy file; by default the one in force.")]


@policy_app.command("lint")
def lint(file: File = None) -> None:
    """Check a policy for rules that can never apply and demands that no remedy can satisfy.

    Exit code 1 with a line for each finding, or for each error with file and line when the policy is not valid; 2 when
    the file cannot be read.

    Example: `session-trust policy lint next-policy.yaml`
    """
    from serving.policy_analysis.lint import lint_policy

    file = file or _file_in_force()
    policy = _load(file)
    findings = lint_policy(policy)
    for finding in findings:
        print_plain(console, f"{file}: {finding}")
    if findings:
        raise typer.Exit(1)
    print_plain(console, f"{file} has no findings: {policy.digest}")


@policy_app.command("show")
def show(file: File = None) -> None:
    """Print a policy as tables, and its path and digest on standard error.

    Example: `session-trust policy show`
    """
    from serving.policy.tables import policy_tables

    file = file or _file_in_force()
    policy = _load(file)
    print_plain(console, f"{file} {policy.digest}")
    for each in policy_tables(policy):
        _print_table(each)


@policy_app.command("templates")
def templates(
    name: Annotated[str | None, typer.Argument(help="One identity provider; by default all are listed.")] = None,
) -> None:
    """List the identity providers whose acr and amr values are known, or print one as a policy would state it.

    Exit code 2 when there is no such template.

    Example: `session-trust policy templates okta`
    """
    import yaml

    from serving.policy.assurance import identity_providers
    from serving.policy.loader import suggestion
    from serving.policy.tables import provider_table

    providers = identity_providers()
    if name is None:
        _print_table(provider_table(providers))
        return
    template = next((each for known, each in providers.items() if known == name), None)
    if template is None:
        fail(console, f"there is no template {name!r}" + suggestion(name, providers))
    data = template.model_dump(mode="json", exclude_defaults=True)
    print(yaml.safe_dump({name: data}, sort_keys=False, default_flow_style=None, width=120), end="")


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


def _load(file: Path) -> Policy:
    from serving.policy.schema import Policy, PolicyError

    try:
        return Policy.load(file)
    except PolicyError as error:
        fail(console, error, code=2 if isinstance(error.__cause__, OSError) else 1)
