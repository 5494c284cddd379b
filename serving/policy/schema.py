"""The typed policy file, validated as a whole before it takes effect.

Data only: `serving.decision` evaluates it. Every decision names the digest of the file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import AwareDatetime, Field, PrivateAttr, model_validator

from features.bounded_yaml.composer import YamlLimits
from features.bounded_yaml.scalars import FormatVersion
from features.event.roles import PRIVILEGED_WORDS, has_word, matches_role
from features.event.schema import Category, CredentialKind, IdentityType, Sensitivity
from features.hashing import digest_of
from serving.policy.assurance import (
    AcrValue,
    AmrLists,
    AmrMethod,
    AmrValue,
    AssuranceMap,
    ProviderName,
    assurance_map,
)
from serving.policy.loader import PolicyError, read_file, read_yaml
from serving.policy.rules import (
    AWS_ADMINISTRATORS,
    IDENTITY_TYPES,
    AcrLevel,
    Condition,
    Floor,
    Level,
    Mode,
    PolicyPart,
    ProofKind,
    RemedyRule,
    RemedyType,
    Requirement,
    Role,
    RoleWord,
    Seconds,
    Share,
    StepUps,
    Storm,
)

__all__ = [
    "BUILT_IN",
    "Condition",
    "Floor",
    "Lifetime",
    "Policy",
    "PolicyError",
    "ProofKind",
    "RemedyRule",
    "RemedyType",
    "Requirement",
    "SessionCeiling",
    "Threshold",
    "Thresholds",
]

BUILT_IN = Path(__file__).parent / "policy.yaml"
"""The policy that ships with the service."""

POLICY_LIMITS = YamlLimits(file_bytes=256 << 10, nodes=20_000)
"""A policy is shorter than the lists of identities and assets beside it."""


class Threshold(PolicyPart):
    """The trust a request needs: a number, or the share of legitimate requests that may be challenged."""

    budget: Share | None = None
    """The share of legitimate requests that may be challenged."""
    trust: Share | None = None
    """The trust itself, instead of a budget."""

    @model_validator(mode="after")
    def _has_budget_or_trust(self) -> Threshold:
        if (self.budget is None) == (self.trust is None):
            raise ValueError("give either `budget` or `trust`")
        return self


class Thresholds(PolicyPart):
    """The thresholds of an identity type, by sensitivity of the resource; in shadow mode they only record."""

    public: Threshold
    internal: Threshold
    confidential: Threshold
    restricted: Threshold
    mode: Mode = "enforce"
    """`shadow` records what these thresholds would ask for, and asks for nothing."""

    def for_sensitivity(self, sensitivity: Sensitivity | None) -> Threshold:
        """The threshold for a sensitivity; an unknown one counts as confidential."""
        threshold: Threshold = getattr(self, sensitivity or "confidential")
        return threshold


class SessionCeiling(PolicyPart):
    """How long a session of an assurance level lasts, after authentication and without activity."""

    overall_seconds: Seconds
    """Seconds after authentication."""
    inactivity_seconds: Seconds | None = None
    """Seconds without activity."""


class Lifetime(PolicyPart):
    """How long an allowed session may continue."""

    risk: Share
    """The probability of compromise that an allow may spend before it must be renewed."""
    longest_seconds: Seconds
    """The longest that an allow lasts."""
    shortest_seconds: Seconds
    """The shortest that an allow lasts, whatever the risk."""
    high_risk_below: Share
    """A session trusted less than this at its step-up is a high risk."""
    after_high_risk_seconds: Seconds
    """How long a high-risk session lasts after its step-up."""
    elevation_seconds: Seconds
    """How long a completed step-up counts."""
    assurance: Mapping[Level, SessionCeiling]
    """The limits of NIST SP 800-63B-4 on people's sessions, for AAL 1, 2 and 3."""

    @model_validator(mode="after")
    def _has_every_level(self) -> Lifetime:
        missing = sorted({1, 2, 3} - set(self.assurance))
        if missing:
            raise ValueError(f"assurance lacks level {', '.join(map(str, missing))}")
        return self


class ThinContext(PolicyPart):
    """The known share of the context below which only these action categories pass without proof."""

    below: Share
    """The share of known fields below which the context is thin."""
    allow: tuple[Category, ...]
    """The action categories that pass without proof in a thin context."""


class ProvisionalType(PolicyPart):
    """What a person's identity meets as well while its type was only declared, never fixed."""

    credential_kinds: tuple[CredentialKind, ...] = (
        "access_key",
        "api_token",
        "oauth_token",
        "ssh_key",
        "x509_svid",
        "jwt_svid",
        "client_certificate",
        "jit_credential",
    )
    """Kinds of credential that machines use, whether people do as well or not. A password, a passkey and a session
    cookie are a person's."""
    floors: tuple[str, ...] = ("high-impact-workflow", "over-age-secret", "standing-over-privilege")
    """The floors of machines that such a request meets with a credential of these kinds."""


class Policy(PolicyPart):
    """A complete policy."""

    version: FormatVersion
    """The format of the file."""
    effective_from: AwareDatetime | None = None
    """Before this time decisions fail closed."""
    expires: AwareDatetime | None = None
    """From this time on decisions fail closed."""
    thresholds: Mapping[IdentityType, Thresholds]
    """The trust that a request needs, by identity type and sensitivity."""
    threshold_mode: Mode
    """`shadow` records what all thresholds would ask for, and asks for nothing."""
    deny_below: Mapping[IdentityType, Share]
    """The trust below which a request is denied whatever was proven, by identity type."""
    phishing_resistant_below: Share
    """The trust below which only phishing-resistant factors count."""
    phishing_resistant_sensitivities: tuple[Sensitivity, ...]
    """The sensitivities for which only phishing-resistant factors count."""
    new_evidence_margin: Share
    """A completed step-up stops counting when trust falls this far below what it was then."""
    lifetime: Lifetime
    storm: Storm
    step_ups: StepUps = StepUps()
    thin_context: ThinContext
    cache_seconds: Annotated[int, Field(ge=0, le=60)]
    """How long a caller may reuse an allow for viewing something that is at most internal."""
    privileged_roles: Annotated[tuple[Role, ...], Field(max_length=1_000)]
    """Patterns of roles whose credentials count as privileged, in any letter case; `*` stands for any characters. A
    pattern matches the whole name, or the last part of an ARN, a path or a name in a domain."""
    privileged_role_words: Annotated[tuple[RoleWord, ...], Field(max_length=100)] = PRIVILEGED_WORDS
    """Words that make a role privileged wherever they stand in its name, at the end of a longer word too, and in the
    plural: `SuperAdmin`, `cluster-admin`, `sysadmins`, and not `badminton`."""
    trust_declared_sensitivity: bool = False
    """Whether a sensitivity below confidential counts for an export although no asset entry or `assure` key says so."""
    provisional_type: ProvisionalType = ProvisionalType()
    """What is asked of an identity whose type nobody has fixed yet."""
    bad_reputation: Annotated[float, Field(gt=0, le=1)]
    """The reputation from which an address counts as bad; 1 is known to be bad."""
    clock_tolerance_seconds: Annotated[int, Field(ge=0, le=60)]
    """How far the clock that a proof's time was read from may be ahead of the server's, or behind it."""
    identity_provider: ProviderName | None = None
    """The policy template for acr and amr values: the identity provider that people sign in with."""
    acr_levels: Mapping[AcrValue, AcrLevel] = {}
    """The assurance level of each acr value, beside or instead of what the template says."""
    amr_values: Mapping[AmrValue, AmrMethod] = {}
    """What each amr value proves, beside or instead of what the template and RFC 8176 say."""
    amr_lists: AmrLists | None = None
    """Whether amr names `all` factors used, only the `last`, or `some`; by default as the template says, else `all`."""
    remedies: Mapping[IdentityType, tuple[RemedyRule, ...]]
    """The remedies of each identity type, best first; only proofs of these kinds count for it."""
    irreversible_needs: Mapping[IdentityType, tuple[RemedyType, ...]]
    """The remedies that an irreversible action needs instead of any other, by identity type."""
    intent_types: Annotated[tuple[str, ...], Field(min_length=1)]
    """The types of authorization details whose members mean what RFC 9396 section 2.2 says."""
    floors: Annotated[tuple[Floor, ...], Field(max_length=500)]
    """The rules that demand proof whatever the trust."""
    _digest: str = PrivateAttr(default="")
    _assurance: tuple[tuple[Any, ...], AssuranceMap] | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _is_complete(self) -> Policy:
        duplicates = sorted(id for id, times in Counter(floor.id for floor in self.floors).items() if times > 1)
        if duplicates:
            raise ValueError(f"duplicate floors: {', '.join(duplicates)}")
        for name, part in (
            ("thresholds", self.thresholds),
            ("deny_below", self.deny_below),
            ("remedies", self.remedies),
        ):
            for missing in (kind for kind in IDENTITY_TYPES if kind not in part):
                raise ValueError(f"{name} lacks {missing}")
        if self.effective_from and self.expires and self.expires <= self.effective_from:
            raise ValueError("it expires before it takes effect")
        return self

    @model_validator(mode="after")
    def _remedies_fit_identities(self) -> Policy:
        """A person signs in again; a machine never does."""
        for kind, rules in self.remedies.items():
            types = [rule.type for rule in rules]
            if any((type == "interactive_mfa") != (kind == "human") for type in types):
                raise ValueError(f"remedies of {kind}: interactive_mfa is for people, all others are for machines")
            if len(set(types)) < len(types):
                raise ValueError(f"remedies of {kind}: a remedy is listed twice")
            for needed in self.irreversible_needs.get(kind, ()):
                if needed not in types:
                    raise ValueError(f"irreversible_needs of {kind}: {needed} is not among its remedies")
        return self

    @property
    def digest(self) -> str:
        """The digest of the file this policy was read from."""
        return self._digest

    @property
    def assurance(self) -> AssuranceMap:
        """What acr and amr values mean under this policy."""
        values = (self.identity_provider, self.amr_lists, self.acr_levels, self.amr_values)
        if self._assurance is None or any(old is not new for old, new in zip(self._assurance[0], values, strict=True)):
            self._assurance = (values, assurance_map(*values))
        return self._assurance[1]

    def is_privileged_role(self, role: str) -> bool:
        """Whether a role, however it is spelt, is on the list of privileged ones, is an administrator's of AWS, or has
        a word of administrators in its name."""
        patterns = (*self.privileged_roles, *AWS_ADMINISTRATORS)
        return matches_role(role, patterns) or has_word(role, self.privileged_role_words)

    def not_in_force(self, at: datetime) -> str | None:
        """Why the policy is not in force at a time; None when it is."""
        if self.effective_from is not None and at < self.effective_from:
            return f"the policy is in force from {self.effective_from.isoformat()} only"
        if self.expires is not None and at >= self.expires:
            return f"the policy expired at {self.expires.isoformat()}"
        return None

    @classmethod
    def load(cls, path: Path = BUILT_IN) -> Policy:
        """Read and validate a policy file; raises PolicyError naming file, line, key and reason."""
        return cls.parse(read_file(path, POLICY_LIMITS), str(path))

    @classmethod
    def parse(cls, data: bytes, name: str) -> Policy:
        """Validate the bytes of a policy file; `name` is what messages call it. Raises PolicyError."""
        policy = read_yaml(data, cls, name, POLICY_LIMITS)
        policy._digest = digest_of(data)
        return policy
