"""How the simulated world is set, committed before the first model was fitted and not tuned to it afterwards."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WorldParameters:
    """Every number behind a world that somebody could dispute, with where it comes from.

    "Assumption" means that no public figure was found: change it to what you know of your own house.
    """

    identities: int = 3_600
    """Assumption: a mid-sized company. Machines outnumber people (assumption, `shares`)."""
    days: int = 42
    """Assumption: six weeks, so that habits form in the first two and quarter end and on-call turns fall inside."""
    identities_per_deployment: int = 60
    """Assumption: every deployment (a product with its own log) knows other fields, and knows them of all alike."""
    shares: tuple[float, float, float, float] = (0.42, 0.20, 0.26, 0.12)
    """Assumption: human, service_account, workload, agent."""
    knowledge: tuple[float, float, float, float] = (0.35, 0.30, 0.20, 0.15)
    """Assumption: shares of deployments that know much, little, what CloudTrail says, and that without an address."""
    newcomers: float = 0.3
    """Assumption: identities whose first event ever falls inside the data (hires, new services)."""
    sporadic: float = 0.12
    """Assumption: identities that act on a few days only, with long silences between."""
    sessions_per_day: tuple[float, float, float, float] = (0.6, 0.6, 0.8, 0.7)
    """Assumption: medians; the spread over identities is log-normal with sigma 0.8."""
    actions_per_session: tuple[float, float, float, float] = (7.0, 6.0, 6.0, 6.0)
    """Assumption: medians, log-normal with sigma 0.7."""
    console_share: float = 0.55
    """Assumption: people who work in a web console, whose page makes 10-40 reads within seconds (as in CloudTrail)."""
    failing_actions: float = 0.03
    """Actions that fail or are denied in ordinary life; a few per cent of CloudTrail records carry an errorCode."""
    mistyped_sign_ins: float = 0.06
    """Assumption, near published rates of failed but honest password entries (Freeman et al. 2016)."""
    missed_prompts: float = 0.02
    """Assumption: honest MFA prompts that are refused, overlooked or time out."""
    new_device_per_day: float = 1 / 400
    """Assumption: a laptop or phone is replaced about once a year."""
    trip_per_day: float = 1 / 70
    """Assumption: five trips a year, two to six days each."""
    vpn_share: float = 0.15
    """Assumption: people who usually work through a VPN or secure web gateway; others now and then."""
    unmanaged_share: float = 0.2
    """Assumption: people who use a device of their own."""
    exploration: float = 0.03
    """Assumption: actions outside an identity's own repertoire, drawn from its job's or anybody's."""
    own_rarities: int = 6
    """Assumption: actions of a cloud identity that hardly anybody else does (AWS has 20,000; a trade uses some 20)."""
    rarities: float = 0.08
    """Assumption: their share of its actions. Without such a tail, "nobody else does this" would mean abuse in the
    simulation and mean nothing in life."""
    rotation_days: tuple[int, ...] = (30, 60, 90, 180, 365, 0)
    """Rotation of long-lived keys; 0 is never (OWASP NHI7:2025: common)."""
    exposed_share: float = 0.04
    """Assumption: service credentials that are, for some weeks, known to lie in a repository (OWASP NHI2:2025)."""
    lost_sessions: float = 0.0095
    """Chosen: share of sessions in which an intruder acts. Far above life, for the sake of enough examples; the
    training puts the log-rate back."""
    situations: float = 0.035
    """Assumption: share of sessions in which something legitimate happens that looks like abuse."""
