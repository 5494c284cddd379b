"""Writes all features of a module into one function, which takes less time to compile than many do.

A `return` becomes an assignment, and the statements after an `if` that returns move under its `else`. A feature that
returns from elsewhere, as from within a loop, is called instead.
"""

from __future__ import annotations

import ast
import copy
from itertools import groupby

from features.catalogue.registration import Feature, definition


def functions_of(features: tuple[Feature, ...]) -> dict[str, str]:
    """The source of a function for each module of features, by how it is called; it sets the fields of `read` by
    the features' names."""
    return dict(_function_of(module, list(some)) for module, some in groupby(features, lambda each: each.module))


def _function_of(module: str, features: list[Feature]) -> tuple[str, str]:
    needs = sorted({need for feature in features for need in feature.needs})
    call = f"read_{module}({', '.join(needs)}, read)"
    written = [_written_out(feature, f"read.{feature.name}") for feature in features]
    imports = sorted({line for lines, _ in written for line in lines})
    body = "\n".join(text for _, text in written).replace("\n", "\n    ")
    return call, "\n".join(imports) + f"\n\n@jit\ndef {call}:\n    {body}\n\n"


def _written_out(feature: Feature, target: str) -> tuple[list[str], str]:
    """The imports and the text of one feature."""
    names, module = _Names(feature), feature.module
    body = [names.visit(copy.deepcopy(statement)) for statement in definition(feature.function).body[1:]]
    try:
        statements = _assigned(body, ast.Name(target, ast.Store()))
    except _ReturnsElsewhere:
        own = f"{module}_{feature.name}"
        imports = [f"from features.catalogue.{module} import {feature.name}\n{own} = {feature.name}.function"]
        return imports, f"{target} = {own}({', '.join(feature.needs)})"
    imports = [f"from features.catalogue.{module} import {name} as {module}_{name}" for name in names.of_the_module]
    return imports, "\n".join(ast.unparse(ast.fix_missing_locations(statement)) for statement in statements)


class _ReturnsElsewhere(Exception):
    """A function returns where an assignment could not end it."""


def _assigned(statements: list[ast.stmt], target: ast.expr) -> list[ast.stmt]:
    """The statements with each `return` as an assignment."""
    for place, statement in enumerate(statements):
        before, after = statements[:place], statements[place + 1 :]
        if isinstance(statement, ast.Return) and statement.value:
            return [*before, ast.Assign([target], statement.value)]
        if isinstance(statement, ast.If) and isinstance(statement.body[-1], ast.Return):
            body, orelse = (_assigned(some, target) for some in (statement.body, statement.orelse + after))
            return [*before, ast.If(statement.test, body, orelse)]
        if any(isinstance(node, ast.Return) for node in ast.walk(statement)):
            break
    raise _ReturnsElsewhere


class _Names(ast.NodeTransformer):
    """Puts the feature's name before those of its variables, and the module's before those it takes from there."""

    def __init__(self, feature: Feature) -> None:
        self.feature, self.of_the_module = feature, set[str]()
        self.globals = getattr(feature.function, "py_func", feature.function).__globals__
        self.variables = {
            node.id
            for node in ast.walk(definition(feature.function))
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }

    def visit_Name(self, node: ast.Name) -> ast.Name:
        if node.id in self.variables:
            return ast.Name(f"{self.feature.name}_{node.id}", node.ctx)
        if node.id in self.feature.needs or node.id not in self.globals:
            return node
        self.of_the_module.add(node.id)
        return ast.Name(f"{self.feature.module}_{node.id}", node.ctx)
