"""The model card, rendered from a run: every figure in it comes from the evaluation."""

from __future__ import annotations

from collections.abc import Sequence

from features.catalogue.describe import digest
from training.metrics.evaluation import BUDGETS, MAIN_BUDGET, Evaluation, TestSet
from training.metrics.fairness import GroupTreatment
from training.promotion.checks import Check

TEMPLATE = """# Model card: session-trust

**What it predicts.** The probability that a request is malicious, and how fast its session is being compromised.
**Intended use.** Asking for fresh proof when a session drifts. Floors, not this model, guard privileged actions.
**Not intended for.** Judging people. Low trust is a question, never an accusation; every decision can be looked up.

**Data.** {source}. {rows:,} requests of identities the model never saw, later than everything it was fitted on;
{compromised:.0f} compromised sessions among {sessions:.0f}.
**Features.** {features} ({catalogue}).

**Figures** ({source}): recall of compromised sessions, 95 % interval over identities, by share of benign sessions
challenged.

| | {budgets} |
|---|{rule}
{table}

Predicted over actual malicious requests {calibration:.2f} (of {malicious:,}); losses within two hours {hazard:.2f}.
Legitimate escalations challenged at {main:.1%}: {escalations:.1%}.

**Checks.**
{checks}

**Fairness** ({source}): challenges and protection by group at {main:.1%} of benign sessions challenged. The interval
shows how little so few identities can tell. A group whose interval lies above another's is challenged more, through no
fault of its own.

| | step-ups per 1,000 legitimate requests | recall of compromised sessions |
|---|---|---|
{fairness}

**Limits.** Insiders at their own desk, and attackers who match the user in network, client and actions, are detected
late or not at all: the table shows which. New identities have no habits to drift from, and travellers drift.
Figures are open loop: histories grew by what was logged. Simulated figures compare models; they say nothing about real
traffic.

**NIST AI RMF 1.0**, function by function, with where it is shown.

| function | requirement | in this card |
|---|---|---|
| MAP 1.1 | intended purpose, users and setting | what it predicts, intended use, not intended for |
| MAP 2.2 | limits of knowledge, and human oversight | limits; every decision with its reasons, for an investigator |
| MAP 5.1 | likelihood and size of each impact | compromised sessions missed, legitimate requests challenged |
| MEASURE 1.1 | metrics chosen for the most significant risks | recall at a budget, step-ups, calibration, intervals |
| MEASURE 2.3 | measured under conditions like deployment | later in time, on other identities, at natural rates |
| MEASURE 2.5 | valid and reliable, limits of generalisation stated | checks; held-out scenarios; real records apart |
| MEASURE 2.7 | security and resilience | monotone: no suspicious fact lowers a request's risk; poisoning is measured |
| MEASURE 2.9 | explained and interpreted | contributions that add up to the log-odds of every decision |
| MEASURE 2.11 | fairness and bias evaluated | fairness: by identity type, length of history and region |
| MANAGE 1.1 | does it achieve its purpose, should it go on | the promotion checks: {verdict} |
| MANAGE 2.4 | superseding and switching off | the alias moves back to any version; without a model, floors decide |
| MANAGE 4.1 | monitoring, appeal and override | feedback becomes labels; a forced promotion records who and why |
"""


def render_model_card(
    test_set: TestSet, evaluation: Evaluation, checks: Sequence[Check], fairness: Sequence[GroupTreatment], source: str
) -> str:
    """The text of the card; `source` says what data was used, "simulated" where it was simulated."""
    figures = evaluation.figures
    missed = sum(not check.passed for check in checks)
    return TEMPLATE.format(
        source=source,
        rows=len(test_set.rows),
        compromised=figures["compromised_sessions"],
        sessions=figures["compromised_sessions"] + figures["benign_sessions"],
        features=test_set.matrix.shape[1],
        catalogue=digest(),
        budgets=" | ".join(f"{budget:.1%}" for budget in BUDGETS),
        rule="---|" * len(BUDGETS),
        table="\n".join(f"| {group}: {name} | {' | '.join(recalls)} |" for group, name, recalls in evaluation.rows()),
        malicious=int(test_set.malicious.sum()),
        calibration=figures["predicted_over_actual/all"],
        hazard=figures["compromised_predicted_over_actual/7200_s"],
        main=MAIN_BUDGET,
        escalations=figures["escalations_challenged"],
        checks="\n".join(f"- {check.state}: {check}" for check in checks),
        fairness="\n".join(
            f"| {part.group}: {part.name} | {part.step_ups_per_1000} | {part.recall} |" for part in fairness
        ),
        verdict=f"{missed} of {len(checks)} not passed" if missed else "passed",
    )
