"""The @feature decorator, and the checks a function must pass to be a feature.

A feature is a function of records named by its parameters: any of `event`, `identity`, `session`, `credential`,
`population` and `evidence`. The batch, the service and Spark run the same compiled function. Registration reads the
function's syntax tree, so that a misspelt field or a write to a record is refused at import, with its line, and not by
the JIT.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from features.event.row_fields import ROW
from features.history.evidence.fields import EVIDENCE
from features.history.layout import CREDENTIAL, IDENTITY, SESSION
from features.history.population import POPULATION
from features.kernels.compilation import jit

RECORDS: dict[str, np.dtype[np.void]] = {
    "event": ROW,
    "identity": IDENTITY,
    "session": SESSION,
    "credential": CREDENTIAL,
    "population": POPULATION,
    "evidence": EVIDENCE,
}
"""The records a feature can read, by parameter name."""

_SCALARS = {"int64", "float64"}


def _validate_record(name: str, record: np.dtype[np.void]) -> None:
    """Refuse fields that behave differently with and without the JIT.

    Small integers wrap with it and widen without it. Without it, a field named like an attribute of numpy.record would
    give that attribute.
    """
    for field in record.names or ():
        scalar = str(record[field].base)
        if scalar not in _SCALARS:
            raise FeatureError(f"{name}.{field} is {scalar}; fields are int64 or float64")
        if hasattr(np.record, field):
            raise FeatureError(f"{name}.{field} is also an attribute of numpy.record; choose another name")


for _name, _record in RECORDS.items():
    _validate_record(_name, _record)


@dataclass(frozen=True)
class Feature:
    """A registered feature: its name is the column name, its sentence is what an investigator reads."""

    name: str
    module: str
    sentence: str
    unit: str
    direction: int
    always: bool
    tells: str
    needs: tuple[str, ...]
    reads: tuple[str, ...]
    function: Any


class FeatureError(TypeError):
    """A function cannot be registered as a feature; the message says where and why."""


def feature(
    *, unit: str, direction: int, tells: str, always: bool = False
) -> Callable[[Callable[..., float]], Feature]:
    """Register a function as a feature.

    `direction` is +1 if larger values are riskier, -1 if smaller ones are, 0 if neither. `tells` names an attack, and
    the harmless behaviour that the feature distinguishes it from. `always` means that the value is never unknown.
    Raises FeatureError if the function does not follow the rules for features.
    """

    def register(function: Callable[..., float]) -> Feature:
        name = function.__name__
        needs = tuple(inspect.signature(function).parameters)
        sentence = (inspect.getdoc(function) or "").split("\n")[0]
        _require(set(needs) <= set(RECORDS), function, f"its parameters must be among {', '.join(RECORDS)}")
        _require(
            sentence.endswith("."), function, "its docstring must begin with one sentence an investigator can read"
        )
        _require(">>>" in (inspect.getdoc(function) or ""), function, "its docstring must show a worked example")
        _require(direction in (-1, 0, 1), function, "its direction must be -1, 0 or 1")
        _require(bool(unit), function, "its unit must be stated ('yes or no' and 'share' are units)")
        _require(bool(tells), function, "`tells` must name an attack, and the harmless behaviour that looks like it")
        return Feature(
            name=name,
            module=function.__module__.rpartition(".")[2],
            sentence=sentence,
            unit=unit,
            direction=direction,
            always=always,
            tells=tells,
            needs=needs,
            reads=_fields_read(function, needs),
            function=jit(function),
        )

    return register


def features_in(*modules: ModuleType) -> tuple[Feature, ...]:
    """The features defined in these modules, in source order; imported ones belong to their own module.

    Raises FeatureError for a name that is used twice.
    """
    features = [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, Feature) and value.module == module.__name__.rpartition(".")[2]
    ]
    twice = sorted({f.name for f in features if sum(f.name == other.name for other in features) > 1})
    if twice:
        raise FeatureError(f"defined twice, in {', '.join(m.__name__ for m in modules)}: {', '.join(twice)}")
    return tuple(features)


def _require(holds: bool, function: Callable[..., Any], reason: str) -> None:
    if not holds:
        code = function.__code__
        raise FeatureError(f"{code.co_filename}:{code.co_firstlineno} {function.__name__}: {reason}")


def _fields_read(function: Callable[..., Any], needs: tuple[str, ...]) -> tuple[str, ...]:
    """The record fields a function reads; refuses unknown fields and assignments to records."""
    reads = set()
    first = function.__code__.co_firstlineno
    for node in ast.walk(definition(function)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in needs:
            record = node.value.id
            known = node.attr in (RECORDS[record].names or ())
            _require(known, function, f"line {node.lineno - first + 1}: {record} has no field {node.attr!r}")
            _require(
                isinstance(node.ctx, ast.Load),
                function,
                f"line {node.lineno - first + 1}: a feature must not change {record}",
            )
            reads.add(f"{record}.{node.attr}")
    return tuple(sorted(reads))


def definition(function: Any) -> ast.FunctionDef:
    """The syntax tree of a function, from its source file."""
    plain = getattr(function, "py_func", function)
    lines, _ = inspect.findsource(plain)
    return _definitions("".join(lines))[plain.__code__.co_firstlineno]


@cache
def _definitions(source: str) -> dict[int, ast.FunctionDef]:
    """The functions of a source text by first line, including decorators; parsed once for each text."""
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    return {min(node.lineno, *(d.lineno for d in node.decorator_list), node.lineno): node for node in functions}
