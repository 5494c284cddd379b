"""`session-trust`: one command for everything, which imports only the part that is run.

Each part stands here with the name of its module, so that `--help` imports none of them. Training is known by its name
alone: no module of serving imports it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

import typer


@dataclass(frozen=True)
class Part:
    """Where the commands of a part are: a module, and the Typer app in it."""

    module: str
    app: str
    help: str
    one_of_several: bool = False
    """Whether the app has other commands beside this one, so that it must be told the command's name."""


PARTS = {
    "serve": Part("serving.cli.startup", "serve_app", "Start the service; a first start registers the shipped model."),
    "consume": Part("serving.cli.log_consumer", "consume_app", "Ship a Kafka topic, a growing file or a pipe."),
    "demo": Part("serving.demo.incident", "demo_app", "Replay a real incident and check what the service decides."),
    "features": Part("features.cli.main", "app", "Turn logs into events, and events into features."),
    "training": Part("training.cli.main", "app", "Simulate, train, evaluate, promote and ship models."),
    "doctor": Part("training.cli.main", "app", "Say what a log of yours can teach a model, and what not.", True),
    "policy": Part("serving.cli.main", "app", "Check, show, replay, tune and review the policy.", True),
    "population": Part("serving.cli.main", "app", "Measure what is usual here, or show the population in force.", True),
    "keys": Part("serving.cli.main", "app", "List, create and revoke the keys of callers.", True),
    "verify": Part("serving.cli.main", "app", "Find what was changed or removed since it was recorded.", True),
    "anchor": Part("serving.cli.main", "app", "Sign the heads of the hash chains, to be kept elsewhere.", True),
    "rebuild": Part("serving.cli.main", "app", "Recompute every history from its events.", True),
    "erase": Part("serving.cli.main", "app", "Erase an identity or a decision.", True),
    "export": Part("serving.cli.main", "app", "Export an identity or the decision log.", True),
    "retention": Part("serving.cli.main", "app", "Erase what is older than so many days.", True),
}

app = typer.Typer(
    help="Knows when a session has stopped being trustworthy, asks for fresh proof exactly then, and says why.",
    epilog="Ports, paths and databases come from the environment: SESSION_TRUST_HOME, SESSION_TRUST_PORT and so on.",
    no_args_is_help=True,
    add_completion=False,
)


def _runner(name: str, part: Part) -> Callable[[typer.Context], None]:
    def run(context: typer.Context) -> None:
        command = typer.main.get_command(getattr(importlib.import_module(part.module), part.app))
        if part.one_of_several:
            command([name, *context.args], prog_name="session-trust")
        else:
            command(context.args, prog_name=f"session-trust {name}")

    return run


for _name, _part in PARTS.items():
    app.command(
        _name,
        help=_part.help,
        add_help_option=False,
        context_settings={
            "ignore_unknown_options": True,
            "allow_extra_args": True,
            "allow_interspersed_args": False,
        },
    )(_runner(_name, _part))


def main() -> None:
    """Run the console command."""
    app(prog_name="session-trust")


if __name__ == "__main__":
    main()
