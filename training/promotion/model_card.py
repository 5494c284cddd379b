"""The model card, written from the run: every figure in it is one that the evaluation found."""

from __future__ import annotations

from features.catalogue.describe import digest
from training.metrics.evaluation import BUDGETS, MAIN, Evaluation, TestSet
from training.metrics.fairness import Treated
from training.promotion.checks import Check

CARD = """# Model card: session-trust

**What it says.** The probability that a request is not its identity's own, and how fast a session is being compromised.
**What it is for.** Asking for fresh proof when a session drifts. Floors, not this model, guard privileged actions.
**What it is not for.** Judging people; a low trust is a question, never an accusation. Every ruling can be looked up.

**Data.** {source}. {rows:,} requests of identities the model never saw, after everything it was fitted on in time;
{compromised:.0f} compromised sessions among {sessions:.0f}.
**Features.** {features} ({catalogue}).

**Figures** ({source}): recall of compromised sessions, 95 % interval over identities, by share of benign sessions challenged.

| | {budgets} |
|---|{rule}
{table}

Predicted over actual malicious requests {calibration:.2f}; losses within two hours {hazard:.2f}.
Legitimate escalations challenged at {main:.1%}: {escalations:.1%}.

**Checks.**
{checks}

**Fairness** ({source}): who is asked and who is protected at {main:.1%} of benign sessions challenged. The interval
says what so few identities can show; a group whose interval lies above another's is asked more, at no fault of its own.

| | step-ups per 1,000 legitimate requests | recall of compromised sessions |
|---|---|---|
{fairness}

**Limits.** What insiders do from their own desk, and what looks like the owner in network, client and action, is seen
late or not at all: the table says which. Whoever is new has no habits to drift from, and whoever travels drifts.
Figures are of an open loop: histories grew by what was logged. Simulated ones compare models and say nothing of yours.

**NIST AI RMF 1.0**, function by function, with where it is shown.

| function | what is asked | here |
|---|---|---|
| MAP 1.1 | intended purpose, users and setting | what it says, is for, and is not for |
| MAP 2.2 | limits of knowledge, and how people oversee | limits; every ruling with its reasons, for an investigator |
| MAP 5.1 | likelihood and size of each impact | compromised sessions missed and legitimate requests asked: both tables |
| MEASURE 1.1 | metrics chosen for the most significant risks | recall at a budget, step-ups, calibration, intervals |
| MEASURE 2.3 | measured under conditions like deployment | later in time, on other identities, at natural rates |
| MEASURE 2.5 | valid and reliable, limits of generalisation stated | checks; held-out scenarios; real records apart |
| MEASURE 2.7 | security and resilience | monotone: no fact against it lowers a request's risk; poisoning is measured |
| MEASURE 2.9 | explained and interpreted | contributions that add up to the log-odds of every ruling |
| MEASURE 2.11 | fairness and bias evaluated | fairness: by identity type, length of history and region |
| MANAGE 1.1 | does it achieve its purpose, should it go on | the gate: {gate} |
| MANAGE 2.4 | superseding and switching off | the alias moves back to any version; without a model, floors rule |
| MANAGE 4.1 | monitoring, appeal and override | feedback becomes labels; who forces a version says why |
"""


def card(tested: TestSet, evaluation: Evaluation, found: list[Check], fairness: list[Treated], source: str) -> str:
    """The card's text; `source` says what data it was, "simulated" where it was."""
    figures = evaluation.figures
    lines = [f"| {group}: {name} | {' | '.join(map(str, shares))} |" for group, name, shares in evaluation.rows()]
    missed = sum(not check.passed for check in found)
    return CARD.format(
        source=source,
        rows=len(tested.rows),
        compromised=figures["compromised_sessions"],
        sessions=figures["compromised_sessions"] + figures["benign_sessions"],
        features=tested.matrix.shape[1],
        catalogue=digest(),
        budgets=" | ".join(f"{budget:.1%}" for budget in BUDGETS),
        rule="---|" * len(BUDGETS),
        table="\n".join(lines),
        calibration=figures["predicted_over_actual/all"],
        hazard=figures["compromised_predicted_over_actual/7200_s"],
        main=MAIN,
        escalations=figures["escalations_challenged"],
        checks="\n".join(f"- {'passed' if check.passed else 'NOT PASSED'}: {check}" for check in found),
        fairness="\n".join(f"| {each.group}: {each.name} | {each.asked} | {each.caught} |" for each in fairness),
        gate=f"{missed} of {len(found)} checks not passed" if missed else "passed",
    )
