"""What an attacker can imitate of the victim: network, device and pace, from clumsy to careful."""

from __future__ import annotations

from dataclasses import dataclass, replace

from training.scenarios.actions import TEMPOS, Rng

NETWORK_MATCHES = ("same", "same_operator", "same_country", "hosting", "abroad")
"""The victim's own address (a proxy on the victim's machine), the same operator, the same country, a hosting or VPN
range, another country."""
DEVICE_MATCHES = ("same", "cloned", "other")
"""The victim's own device, another device that claims to be the same client, another client."""
STRENGTHS = ("naive", "same_country", "same_network", "same_device", "patient")
"""How much of the victim an attacker matches; each level includes those before it."""


@dataclass(frozen=True)
class Attacker:
    """One attacker: a value of NETWORK_MATCHES, one of DEVICE_MATCHES and a pace of TEMPOS."""

    network: str
    device: str
    tempo: str

    @property
    def strength(self) -> str:
        """The highest level of STRENGTHS that is reached: country, operator, client, then pace."""
        levels = (
            self.network not in ("hosting", "abroad"),
            self.network in ("same", "same_operator"),
            self.device in ("same", "cloned"),
            self.tempo == "patient",
        )
        return STRENGTHS[sum(all(levels[: number + 1]) for number in range(len(levels)))]


@dataclass(frozen=True)
class Odds:
    """How likely each network match, device match and pace is, in the order of their names; all are assumptions."""

    network: tuple[float, ...] = (0.1, 0.17, 0.23, 0.32, 0.18)
    device: tuple[float, ...] = (0.15, 0.4, 0.45)
    tempo: tuple[float, ...] = (0.35, 0.5, 0.15)


MIXED = Odds()
"""Every strength, most of them clumsy."""
IN_PLACE = Odds(network=(1.0, 0.0, 0.0, 0.0, 0.0), device=(1.0, 0.0, 0.0), tempo=(0.0, 0.65, 0.35))
"""From the victim's own network and device: an insider, or malware on the victim's machine."""
_CAREFUL_SHARE = 0.3
"""Assumption: of the attackers who match country, operator and client, the share that is patient as well."""
_SAME_ADDRESS_SAME_DEVICE = 0.6
"""Assumption: of the attackers at the victim's own address, the share that surely has the victim's device."""


def draw_attacker(rng: Rng, odds: Odds = MIXED) -> Attacker:
    """Draw one attacker by these odds; one at the victim's own address mostly has the victim's device as well."""
    network = str(rng.choice(NETWORK_MATCHES, p=odds.network))
    device = str(rng.choice(DEVICE_MATCHES, p=odds.device))
    device = "same" if network == "same" and rng.random() < _SAME_ADDRESS_SAME_DEVICE else device
    attacker = Attacker(network, device, str(rng.choice(tuple(TEMPOS), p=odds.tempo)))
    careful = attacker.strength == "same_device" and odds.tempo[-1] > 0 and rng.random() < _CAREFUL_SHARE
    return replace(attacker, tempo="patient") if careful else attacker
