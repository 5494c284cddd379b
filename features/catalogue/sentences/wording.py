"""How a feature's value is put into a sentence that agrees with what it does to the risk.

A value that speaks for an attack is said with the first line of the feature's docstring, a harmless one with the
feature's usual sentence. The sentence states the amount and judges nothing where a value is neither, where the feature
speaks neither way, and where the model weighs the value otherwise, beside all else that is known. Unknown is said as
unknown.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from features.catalogue.sentences.amounts import Amount, yes_or_no

Case = Literal["concerning", "usual", "neutral", "unknown"]


@dataclass(frozen=True)
class Wording:
    """What is said of a feature besides its docstring's sentence."""

    usual: str
    """What is said of a harmless value; empty where no value is more harmless than another."""
    about: str
    """What the feature measures, as a phrase: "how often this identity uses the network"."""
    amount: Amount = yes_or_no
    concerning_from: float = 1.0
    usual_to: float = 0.0
    concerning: str = ""
    """Instead of the docstring's sentence, where smaller values are riskier."""
    usual_amount: bool = False
    """Whether the usual sentence is followed by the amount as well."""

    def case(self, value: float, contribution: float | None) -> Case:
        """Which sentence says a value; `contribution` is what it adds to the risk, None where nothing is added."""
        if math.isnan(value):
            return "unknown"
        if not self.usual:
            return "neutral"
        smaller_is_riskier = bool(self.concerning)
        if value <= self.concerning_from if smaller_is_riskier else value >= self.concerning_from:
            return "concerning" if contribution is None or contribution > 0.0 else "neutral"
        if value >= self.usual_to if smaller_is_riskier else value <= self.usual_to:
            return "usual" if contribution is None or contribution < 0.0 else "neutral"
        return "neutral"

    def sentence(self, docstring: str, value: float, contribution: float | None) -> str:
        """The sentence for a value; `docstring` is the feature's own."""
        case = self.case(value, contribution)
        if case == "unknown":
            return f"Not known: {self.about}."
        if case == "neutral":
            return f"{self.about[0].upper()}{self.about[1:]}: {self.amount(value)}."
        with_amount = self.amount is not yes_or_no and (case == "concerning" or self.usual_amount)
        text = (self.concerning or docstring) if case == "concerning" else self.usual
        return f"{text[:-1]} ({self.amount(value)})." if with_amount else text
