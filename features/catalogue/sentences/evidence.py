"""What is said of the features of evidence: how much likelier others are than the identity."""

from __future__ import annotations

from features.catalogue.sentences.amounts import beside_usual, count, likelier, percent
from features.catalogue.sentences.wording import Wording

HIGH = 1.0
"""The 98th percentile, in usual units."""


def compared(usual: str, about: str) -> Wording:
    """Of a value in bits: from a likelihood ratio of 4 on it speaks for others, up to equal it does not."""
    about = f"how likely {about} is of others of this type, compared with this identity"
    return Wording(usual, about, likelier, 2.0, 0.0, usual_amount=True)


def accumulated(usual: str, about: str) -> Wording:
    """Of a value in usual units: above the 98th percentile it is said as a sign, up to the median as none."""
    return Wording(usual, about, beside_usual, HIGH, 0.0)


def against_all(usual: str, about: str) -> Wording:
    """Of bits beyond what is usual for the type."""
    return Wording(usual, f"how often {about} occurs among events of this type", _rarer, 3.0, 0.0)


def _rarer(value: float) -> str:
    factor = count("times", "times")(round(2.0 ** min(abs(value), 40.0), 3))
    return f"{factor} {'rarer' if value >= 0.0 else 'more frequent'} than is usual"


EVIDENCE = {
    "step_evidence": compared(
        "This action after the one before it is no likelier for others of this type than for this identity.",
        "this action after the one before it",
    ),
    "action_evidence": compared(
        "The action is no likelier for others of this type than for this identity.", "the action"
    ),
    "verb_evidence": compared(
        "What is done is no likelier for others of this type than for this identity.",
        "what is done, whatever it is done to,",
    ),
    "resource_evidence": compared(
        "The resource is no likelier for others of this type than for this identity.", "the resource"
    ),
    "device_evidence": compared(
        "The device (or instance) is no likelier for others of this type than for this identity.",
        "the device (or instance)",
    ),
    "client_evidence": compared(
        "The client program is no likelier for others of this type than for this identity.", "the client program"
    ),
    "network_evidence": compared(
        "The network is no likelier for others of this type than for this identity.", "the network"
    ),
    "operator_evidence": compared(
        "The network operator is no likelier for others of this type than for this identity.", "the network operator"
    ),
    "action_against_all": against_all("The action is no rarer than actions of this type usually are.", "the action"),
    "resource_against_all": against_all(
        "The resource is no rarer than resources of this type usually are.", "the resource"
    ),
    "client_against_all": against_all(
        "The client program is no rarer than clients of this type usually are.", "the client program"
    ),
    "operator_against_all": against_all(
        "The network operator is no rarer than operators of this type usually are.", "the network operator"
    ),
    "evidence_known_fraction": Wording("", "how much of this request can be compared with what others do", percent),
    "habits_forgotten_share": Wording(
        "", "how much of what this identity did had to be forgotten for what it did later", percent
    ),
}

SESSION_EVIDENCE = {
    "step_evidence_in_session": accumulated(
        "The session's actions follow each other as this identity's usually do.",
        "how far the order of the session's actions speaks for others",
    ),
    "action_evidence_in_session": accumulated(
        "The session does what this identity usually does.", "how far the session's actions speak for others"
    ),
    "resource_evidence_in_session": accumulated(
        "The session touches what this identity usually touches.", "how far the session's resources speak for others"
    ),
    "device_evidence_in_session": accumulated(
        "The session's devices and clients are those of this identity.",
        "how far the session's devices and clients speak for others",
    ),
    "network_evidence_in_session": accumulated(
        "The session's networks are those of this identity.", "how far the session's networks speak for others"
    ),
    "evidence_in_session": accumulated(
        "What the session does is as likely of this identity as is usual.",
        "how far all that the session does speaks for others",
    ),
    "largest_evidence_in_session": accumulated(
        "Nothing about the session speaks for others more than is usual.",
        "how far the strongest sign in the session speaks for others",
    ),
    "highest_evidence_in_session": accumulated(
        "At no time has the session spoken for others more than is usual.",
        "how far the session has spoken for others when it did so most",
    ),
    "recent_step_evidence": accumulated(
        "The session's last actions follow each other as is usual for this identity.",
        "how far the order of the last actions speaks for others",
    ),
    "recent_resource_evidence": accumulated(
        "The session's last resources are those of this identity.", "how far the last resources speak for others"
    ),
    "recent_evidence": accumulated(
        "What the session did last is as likely of this identity as is usual.",
        "how far all that the session did last speaks for others",
    ),
    "step_evidence_above_usual": accumulated(
        "The order of the session's actions varies no more than is usual for this identity.",
        "how much more than usual the order of the session's actions speaks against this identity",
    ),
    "evidence_above_usual": accumulated(
        "All that the session does varies no more than is usual for this identity.",
        "how much more than usual all that the session does speaks against this identity",
    ),
    "rare_values_in_session": accumulated(
        "The session does what is common among events of this type.",
        "how rare what the session does is among events of this type",
    ),
    "recent_rare_values": accumulated(
        "What the session did last is common among events of this type.",
        "how rare what the session did last is among events of this type",
    ),
    "new_values_share_in_session": Wording(
        "Nothing of what the session did was new to this identity.",
        "how much of what the session did was in some way new to this identity",
        percent,
        0.25,
        0.0,
    ),
}
