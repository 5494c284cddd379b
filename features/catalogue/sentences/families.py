"""Wordings of the features that are alike: flags, rarities, ratios.

"Seldom" is at most a tenth of an identity's requests (a fiftieth or hundredth, where a habit has many values), "mostly"
over a half: a thing never seen before can have no larger share than that, however little is known of the identity.
"""

from __future__ import annotations

import math

from features.catalogue.sentences.amounts import estimated_share, rarest, share_of_identities, times
from features.catalogue.sentences.wording import Wording

TENTH, FIFTIETH, HUNDREDTH, HALF = math.log(10.0), math.log(50.0), math.log(100.0), math.log(2.0)
MORE = math.log(1.25)
"""From which ratio on something is more than usual."""


def flag(usual: str, about: str) -> Wording:
    return Wording(usual, f"whether {about}")


def rarity(usual: str, about: str, seldom: float = TENTH) -> Wording:
    amount = estimated_share("its requests")
    return Wording(usual, f"how often {about}", amount, seldom, HALF - 1e-9, usual_amount=True)


def population(usual: str, about: str) -> Wording:
    about = f"how many identities of this type {about}"
    return Wording(usual, about, share_of_identities, math.log(20.0), math.log(4.0), usual_amount=True)


def rarest_so_far(usual: str, about: str, seldom: float = TENTH) -> Wording:
    return Wording(usual, f"how rare for this identity {about}", rarest, seldom, seldom - 1e-9)


def mean_rarity(usual: str, about: str) -> Wording:
    amount = estimated_share("its requests")
    return Wording(usual, f"how often {about}, on average", amount, FIFTIETH, HALF - 1e-9, usual_amount=True)


def ratio(usual: str, about: str) -> Wording:
    return Wording(usual, about, times, MORE, 0.0)
