"""Writes the generated parts of the documents, so that no table and no figure in them is typed by hand.

A part stands between `<!-- name -->` and `<!-- end -->`. Tables follow from the code alone and a test compares them;
records are what a command printed when `scripts/docs --record` ran it.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from itertools import groupby, pairwise
from pathlib import Path

from features.catalogue.all import FEATURES
from features.cli.main import markdown as features_table
from features.history.layout import CREDENTIAL, IDENTITY, SESSION
from features.settings import PREFIX, Settings, get_settings
from scripts.lib.client import ROOT, Service, running_service
from scripts.lib.launch import curl_line
from serving.policy.schema import Condition, Policy, Requirement
from serving.policy.tables import sections

RESULTS = ROOT / "benchmarks/results.json"
README = ROOT / "README.md"
USUAL = "http://127.0.0.1:3000"
"""Where a service is by default, and so in the README."""
STRONGEST = 3
"""How many contributions of the recorded answer are shown."""


def settings_table() -> str:
    """Every setting with its variable, its default and the sentence beside its definition."""
    lines = ["| variable | default | what it decides |", "|---|---|---|"]
    for name, sentence in _documented(ROOT / "features/settings.py", "Settings"):
        default = Settings.model_fields[name].default
        lines.append(f"| `{PREFIX}{name.upper()}` | {f'`{default}`' if str(default) else 'empty'} | {sentence} |")
    return "\n".join(lines)


def _documented(module: Path, name: str) -> list[tuple[str, str]]:
    """The fields of a dataclass and the docstrings that follow them."""
    body = next(n for n in ast.parse(module.read_text()).body if isinstance(n, ast.ClassDef) and n.name == name).body
    return [
        (field.target.id, ast.literal_eval(said.value))
        for field, said in pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(said, ast.Expr)
    ]


def floors_table() -> str:
    """Every floor of the shipped policy: when it applies and what it asks for."""
    lines = ["| floor | guards | applies when | asks for | after |", "|---|---|---|---|---|"]
    for floor in Policy.load().floors:
        name = f"`{floor.id}`" + (" (shadow)" if floor.mode == "shadow" else "")
        when = "; ".join(map(_said, floor.when))
        references = ", ".join(floor.references)
        lines.append(f"| {name} | {floor.kind} | {when} | {_asked(floor.requires)} | {references} |")
    return "\n".join(lines)


def _said(condition: Condition) -> str:
    if condition.in_ is not None:
        return f"`{condition.fact}` is {' or '.join(condition.in_)}"
    if condition.is_ is not None:
        return f"`{condition.fact}` is {'true' if condition.is_ else 'false'}"
    return f"`{condition.fact}` > {condition.above:g}"


def _asked(requirement: Requirement) -> str:
    any_kind = requirement.accepts == Requirement.model_fields["accepts"].default
    machine = "any fresh proof of its own" if any_kind else " or ".join(requirement.accepts).replace("_", " ")
    person = f"AAL{requirement.aal}{', phishing-resistant' if requirement.phishing_resistant else ''}"
    return f"{person}, {requirement.max_age_seconds // 60} min old at most; from a machine {machine}"


def remedies_table() -> str:
    """What each kind of identity can do, and how far it counts."""
    section = next(each for each in sections(Policy.load()) if each.columns[:2] == ("identity", "remedy"))
    rows = ["| " + " | ".join(row) + " |" for row in section.rows]
    return "\n".join(["| " + " | ".join(section.columns) + " |", "|---" * len(section.columns) + "|", *rows])


def drifts_table() -> str:
    """What drifts, and how many features tell of it; all of them stand in features/README.md."""
    lines = ["| what drifts | features | among them |", "|---|---|---|"]
    for drift, found in groupby(FEATURES, key=lambda f: f.module):
        names = [f.name for f in found]
        lines.append(f"| {drift} | {len(names)} | {', '.join(f'`{name}`' for name in names[:4])} |")
    return "\n".join([*lines, f"| all | {len(FEATURES)} | [the whole catalogue](features/README.md) |"])


def histories_table() -> str:
    """What is remembered, in bytes; the same for the first event and for the millionth."""
    lines = ["| of each | bytes | tables |", "|---|---|---|"]
    for name, dtype in (("identity", IDENTITY), ("session", SESSION), ("credential", CREDENTIAL)):
        tables = [f"{field} {dtype[field].shape[0]}" for field in dtype.names or () if dtype[field].shape]
        kept = [table.replace("_key", "") for table in tables if "_key" in table]
        lines.append(f"| {name} | {dtype.itemsize} | {', '.join(kept)} |")
    return "\n".join(lines)


def bench_table() -> str:
    """What scripts/bench measured last, and on what machine."""
    results = json.loads(RESULTS.read_text())
    lines = ["| part | what | measured |", "|---|---|---|"]
    for part, figures in results["features"].items():
        lines += [f"| {part} | {what} | {_rounded(value)} |" for what, value in figures.items()]
    return "\n".join([*lines, "", f"On {results['machine']}, shared with other work."])


def serving_table() -> str:
    """What scripts/bench serving measured last, and on what machine."""
    results = json.loads(RESULTS.read_text())["serving"]
    machine = results["machine"]
    lines = ["| asked | what | measured |", "|---|---|---|"]
    for part in ("alone", "loaded", "explaining"):
        lines += [f"| {part} | {what} | {_rounded(value)} |" for what, value in results[part].items()]
    said = f"On {machine['cores']} cores with Python {machine['python']}, shared with other work, {machine['at']} UTC."
    return "\n".join([*lines, "", said])


def _rounded(value: float) -> str:
    return f"{value:,.0f}" if value >= 1_000 else f"{value:.3g}"


TABLES: Mapping[Path, Mapping[str, Callable[[], str]]] = {
    README: {
        "drifts": drifts_table,
        "floors": floors_table,
        "remedies": remedies_table,
        "serving": serving_table,
        "settings": settings_table,
    },
    ROOT / "features/README.md": {"features": features_table, "histories": histories_table, "bench": bench_table},
}
"""The tables of each document, by the name of the part that holds them."""


def rendered(text: str, parts: Mapping[str, str]) -> str:
    """The text with each named part replaced; raises KeyError when a part has no place in it."""
    for name, content in parts.items():
        begin, end = f"<!-- {name} -->\n", "<!-- end -->"
        if text.count(begin) != 1:
            raise KeyError(f"the document has {text.count(begin)} places for {name!r}; it must have one")
        before, after = text.split(begin)
        text = f"{before}{begin}{content}\n{end}{after.partition(end)[2]}"
    return text


def main(arguments: list[str]) -> int:
    """Rewrite the documents in place; with --record, run what the README's records show as well."""
    for document, tables in TABLES.items():
        document.write_text(rendered(document.read_text(), {name: table() for name, table in tables.items()}))
    if "--record" in arguments:
        with running_service() as service:
            records = {"answer": recorded_answer(service), "demo": recorded_demo(service)}
        records["evaluation"] = recorded_evaluation(get_settings())
        README.write_text(rendered(README.read_text(), records))
    return 0


def recorded_answer(service: Service) -> str:
    """The curl line of the README and what a service answers to it, but for all contributions beyond the strongest."""
    asked = subprocess.run(
        ["bash", "-c", curl_line(service.url, service.key_file)], capture_output=True, text=True, check=True
    )
    answer = json.loads(asked.stdout)
    contributions = sorted(answer["explanation"]["contributions"], key=lambda c: -abs(c["contribution"]))
    answer["explanation"]["contributions"] = [*contributions[:STRONGEST], f"and {len(contributions) - STRONGEST} more"]
    shown = json.dumps(answer, indent=1, ensure_ascii=False)
    return f"```sh\n{curl_line(USUAL, Path('.local/key'))}\n```\n\n```json\n{shown}\n```"


def recorded_demo(service: Service) -> str:
    """What `scripts/demo` prints from the turn on."""
    demo = subprocess.run(
        [ROOT / "scripts/demo", "--turn"], env=service.environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return f"```text\n{demo.stdout.rstrip()}\n```"


def recorded_evaluation(here: Settings) -> str:
    """The figures in the model card of the version that answers, which its training run wrote."""
    from mlflow import MlflowClient  # imported late: it takes seconds, and only --record needs it
    from mlflow.artifacts import load_text

    client = MlflowClient(here.tracking_uri, here.tracking_uri)
    version = client.get_model_version_by_alias(here.model_name, here.model_alias)
    card = load_text(f"{client.get_run(str(version.run_id)).info.artifact_uri}/report/MODEL_CARD.md")
    return card[card.index("**Figures**") : card.index("**Checks.**")].strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
