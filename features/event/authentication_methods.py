"""What the authentication methods of RFC 8176 (`amr` values) say of the factors that were used.

The one table of factors that the policy and its floors read. A value that only describes how or where somebody signed
in proves no factor. The model's feature `authentication_strength` keeps the coarser scale of `row_fields`, on which
models were trained.

>>> level_of(["otp"]), level_of(["pwd", "otp"]), level_of(["pwd", "hwk"]), level_of(["rba"])
(1, 2, 3, 0)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Factor = Literal["knowledge", "possession", "inherence"]


@dataclass(frozen=True)
class AuthenticationMethod:
    """What one amr value proves."""

    meaning: str
    factors: tuple[Factor, ...] = ()
    """The categories of factor that it proves; two or more are a multi-factor authenticator."""
    multi_factor: bool = False
    """Whether several factors were used that the value itself does not name."""
    phishing_resistant: bool = False
    """Whether the proof cannot be relayed by a page that imitates the sign-in page."""
    hardware: bool = False
    """Whether the key cannot leave its hardware, as AAL3 demands."""


_KNOWLEDGE: tuple[Factor, ...] = ("knowledge",)
_POSSESSION: tuple[Factor, ...] = ("possession",)
_INHERENCE: tuple[Factor, ...] = ("inherence",)

RFC_8176: Mapping[str, AuthenticationMethod] = {
    "pwd": AuthenticationMethod("password", _KNOWLEDGE),
    "pin": AuthenticationMethod("PIN or pattern that unlocks a key", _KNOWLEDGE),
    "wia": AuthenticationMethod("Windows integrated sign-in", _KNOWLEDGE),
    "otp": AuthenticationMethod("one-time password", _POSSESSION),
    "sms": AuthenticationMethod("text message to a known number", _POSSESSION),
    "tel": AuthenticationMethod("telephone call to a known number", _POSSESSION),
    "swk": AuthenticationMethod("key kept in software", _POSSESSION),
    "pop": AuthenticationMethod("proof of possession of a key", _POSSESSION, phishing_resistant=True),
    "hwk": AuthenticationMethod("key kept in hardware", _POSSESSION, phishing_resistant=True, hardware=True),
    "sc": AuthenticationMethod("smart card", _POSSESSION, phishing_resistant=True, hardware=True),
    "face": AuthenticationMethod("face", _INHERENCE),
    "fpt": AuthenticationMethod("fingerprint", _INHERENCE),
    "iris": AuthenticationMethod("iris", _INHERENCE),
    "retina": AuthenticationMethod("retina", _INHERENCE),
    "vbm": AuthenticationMethod("voice", _INHERENCE),
    "mfa": AuthenticationMethod("several factors", multi_factor=True),
    "kba": AuthenticationMethod("questions, which NIST SP 800-63B-4 does not accept"),
    "mca": AuthenticationMethod("several channels, which are not several factors"),
    "geo": AuthenticationMethod("place"),
    "user": AuthenticationMethod("somebody was there, whoever it was"),
    "rba": AuthenticationMethod("assessment of risk"),
}
"""Every value that RFC 8176 registers."""


def level_of(values: Iterable[str], methods: Mapping[str, AuthenticationMethod] = RFC_8176) -> int:
    """The assurance level (NIST SP 800-63B-4) that amr values prove together; 0 without a factor.

    One category of factor is AAL1. Two categories, or a multi-factor authenticator, are AAL2, and AAL3 where a key
    that cannot leave its hardware and cannot be phished is among them. Values without a known meaning prove nothing.
    """
    known = [methods[value] for value in values if value in methods]
    categories = {factor for method in known for factor in method.factors}
    if len(categories) < 2 and not any(method.multi_factor for method in known):
        return len(categories)
    return 3 if any(method.hardware and method.phishing_resistant for method in known) else 2


def resists_phishing(values: Iterable[str], methods: Mapping[str, AuthenticationMethod] = RFC_8176) -> bool:
    """Whether one of the amr values is a factor that cannot be phished."""
    return any(methods[value].phishing_resistant for value in values if value in methods)
