"""`docs/reference/{settings,commands,metrics}.md`: what an operator sets, runs and counts."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import typer
from prometheus_client import CollectorRegistry, Counter, Histogram, Summary

from features.settings import PREFIX, Settings
from scripts.docgen import ROOT
from scripts.docgen.markdown import fenced, table
from serving.cli.session_trust import PARTS
from serving.consumer import progress
from serving.metrics import REGISTRY

Command = Any
Parameter = Any
"""Typer brings its own copy of click, whose classes it does not offer."""
TYPES = {"str": "text", "int": "whole number", "integer": "whole number", "float": "number"}


def settings() -> str:
    """Every setting with its variable, its default and the sentence beside its definition."""
    rows = []
    fields = getattr(Settings, "model_fields", None)
    for name, sentence in _documented_fields():
        default = fields[name].default if fields else getattr(Settings, name)
        rows.append((f"`{PREFIX}{name.upper()}`", f"`{default}`" if str(default) else "empty", sentence))
    return table(("variable", "default", "what it decides"), rows)


def _documented_fields() -> list[tuple[str, str]]:
    """The fields of Settings and the docstrings that follow them."""
    module = ast.parse((ROOT / "features/settings.py").read_text())
    body = next(n for n in module.body if isinstance(n, ast.ClassDef) and n.name == Settings.__name__).body
    return [
        (field.target.id, ast.literal_eval(docstring.value))
        for field, docstring in pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(docstring, ast.Expr)
    ]


def metrics() -> str:
    """Every Prometheus metric of the service with its type, its labels and its help text."""
    return _metrics_of(REGISTRY)


def consumer_metrics() -> str:
    """The same of `session-trust consume`."""
    return _metrics_of(progress.REGISTRY)


def _metrics_of(registry: CollectorRegistry) -> str:
    rows = []
    for metric in dict.fromkeys(registry._collector_to_names):  # the registry offers its collectors in no other way
        described = next(iter(metric.describe() if hasattr(metric, "describe") else metric.collect()))
        suffix = "_total" if isinstance(metric, Counter) else ""
        labels = ", ".join(f"`{label}`" for label in getattr(metric, "_labelnames", ())) or "none"
        kind = described.type + (f", buckets {_buckets(metric)} s" if isinstance(metric, Histogram) else "")
        kind += " (`_sum`, `_count`)" if isinstance(metric, Summary) else ""
        rows.append((f"`{described.name}{suffix}`", kind, labels, described.documentation))
    return table(("metric", "type", "labels", "what it counts"), rows)


def _buckets(metric: Histogram) -> str:
    return ", ".join(f"{bound:g}" for bound in metric._upper_bounds if bound != float("inf"))


def commands() -> str:
    """Every command with its help, arguments and options, in the order data flows."""
    blocks = []
    for path, command in command_tree():
        if getattr(command, "commands", None):
            blocks.append(f"## `{path}`\n\n{_help(command)}")
            blocks += [_command(path, leaf, "###") for path, leaf in _leaves(command, path)]
        else:
            blocks.append(_command(path, command, "##"))
    return "\n\n".join(blocks)


def command_tree() -> list[tuple[str, Command]]:
    """Every part of `session-trust`, with the command that runs it."""
    parts = []
    for name, part in PARTS.items():
        command: Command = typer.main.get_command(getattr(importlib.import_module(part.module), part.app))
        parts.append((f"session-trust {name}", command.commands[name] if part.one_of_several else command))
    return parts


def command_lines() -> list[str]:
    """Every command as it is typed, groups included, without options and arguments."""
    return [line for path, command in command_tree() for line in (path, *_paths(command, path))]


def _paths(group: Command, path: str) -> Iterator[str]:
    for name, command in getattr(group, "commands", {}).items():
        yield f"{path} {name}"
        yield from _paths(command, f"{path} {name}")


def _leaves(group: Command, path: str) -> Iterator[tuple[str, Command]]:
    for name, command in getattr(group, "commands", {}).items():
        if getattr(command, "commands", None):
            yield from _leaves(command, f"{path} {name}")
        elif not command.hidden:
            yield f"{path} {name}", command


def _command(path: str, command: Command, heading: str) -> str:
    arguments = [_usage(p) for p in command.params if p.param_type_name == "argument"]
    usage = " ".join([path, *(["[OPTIONS]"] if any(map(_shown_option, command.params)) else []), *arguments])
    rows = [(_name(p), _type(p), _note(p)) for p in command.params if p.name != "help"]
    options = table(("argument or option", "type", "meaning"), rows) if rows else "No options."
    return f"{heading} `{path}`\n\n{_help(command)}\n\n{fenced('text', usage)}\n\n{options}"


def _shown_option(parameter: Parameter) -> bool:
    return bool(parameter.param_type_name == "option" and parameter.name != "help")


def _usage(parameter: Parameter) -> str:
    word = parameter.human_readable_name.upper() + ("…" if parameter.nargs == -1 else "")
    return word if parameter.required else f"[{word}]"


def _help(command: Command) -> str:
    """The help text as Markdown: a line that ends a sentence of its own stays a paragraph."""
    return "\n\n".join(" ".join(part.split()) for part in (command.help or "").split("\n\n") if part.strip())


def _name(parameter: Parameter) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.human_readable_name.upper()}`"
    return ", ".join(f"`{name}`" for name in [*parameter.opts, *parameter.secondary_opts])


def _type(parameter: Parameter) -> str:
    if choices := getattr(parameter.type, "choices", None):
        return "one of " + ", ".join(f"`{getattr(choice, 'value', choice)}`" for choice in choices)
    if getattr(parameter, "is_flag", False):
        return "flag"
    word = str(parameter.type.name).removesuffix(" range")
    return TYPES.get(word, word) + (", repeatable" if getattr(parameter, "multiple", False) else "")


def _note(parameter: Parameter) -> str:
    note = (getattr(parameter, "help", None) or "").strip()
    if parameter.required:
        return f"{note} Required.".strip()
    default = parameter.default
    if isinstance(default, Path) and default.is_relative_to(ROOT):
        default = default.relative_to(ROOT)
    shown = default is not None and default not in (False, (), "") and not callable(default)
    return f"{note} Default: `{getattr(default, 'value', default)}`.".strip() if shown else note
