"""The wording of every feature. A new feature needs an entry in the module of what it measures."""

from __future__ import annotations

from collections.abc import Mapping

from features.catalogue.sentences.actions import ACTION
from features.catalogue.sentences.behaviour import AUTOMATION, CONTEXT, RHYTHM
from features.catalogue.sentences.credentials import CREDENTIAL, PRIVILEGE
from features.catalogue.sentences.evidence import EVIDENCE, SESSION_EVIDENCE
from features.catalogue.sentences.intents import INTENT
from features.catalogue.sentences.places import DEVICE, NETWORK, TRAVEL
from features.catalogue.sentences.wording import Wording

WORDINGS: Mapping[str, Wording] = {
    **NETWORK,
    **DEVICE,
    **TRAVEL,
    **ACTION,
    **INTENT,
    **PRIVILEGE,
    **CREDENTIAL,
    **RHYTHM,
    **AUTOMATION,
    **CONTEXT,
    **EVIDENCE,
    **SESSION_EVIDENCE,
}
"""By the feature's name."""
