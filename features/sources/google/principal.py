"""Who acts in a record of Google Cloud or Google Workspace.

**Identity** is the mail address in lower case; of a federated principal its subject (`principal://…`), which names its
pool; of a Kubernetes user its name. Where a service account acts by delegation, `acting_for` is who stands at the
beginning of the chain.

**Identity type.** An address of `gserviceaccount.com` is a service account; the agents that Google runs, whose address
names one of its own projects, are workloads that it attests. A workload identity pool gives workloads, a workforce pool
and any other address people.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from features.event.schema import IdentityType
from features.sources.formats.records import Record
from features.sources.kubernetes.principal import ANONYMOUS, type_of_user
from features.sources.mapping.paths import value_at
from features.sources.mapping.values import text_value

_GOOGLES_OWN = re.compile(
    r"^service-(org-|folder-)?\d+@|@cloudservices\.gserviceaccount\.com$|@system\.gserviceaccount\.com$"
    r"|@(gcp-sa|gae-api|container-engine|compute-system|dataflow-service|serverless)[\w.-]*\.iam\.gserviceaccount\.com$"
    r"|^\d+@cloudbuild\.gserviceaccount\.com$|@(google\.com\.iam|security-center-api)\.gserviceaccount\.com$"
)
_SUBJECT = re.compile(r"^(user|serviceAccount|group|domain):")
_NOBODY = frozenset(("allusers", "allauthenticatedusers", "anonymous", "unknown", ""))


class Principal(NamedTuple):
    """Who acts, whose type is None where no rule names it."""

    id: str
    type: IdentityType | None

    @property
    def attested(self) -> bool:
        """Whether Google runs it."""
        return self.type == "workload"


def named(name: str | None) -> Principal | None:
    """The principal of a name that Google writes; None for nobody in particular.

    >>> named("serviceAccount:Build@my-project.iam.gserviceaccount.com")
    Principal(id='build@my-project.iam.gserviceaccount.com', type='service_account')
    >>> named("principal://iam.googleapis.com/locations/global/workforcePools/staff/subject/ada").type
    'human'
    """
    text = _SUBJECT.sub("", name or "")
    if text.lower() in _NOBODY or text in ANONYMOUS:
        return None
    if text.startswith(("principal:", "principalSet:")):
        return Principal(text, "human" if "/workforcePools/" in text else "workload")
    if "@" not in text and not text.endswith("gserviceaccount.com"):
        return Principal(text, type_of_user(text))
    address = text.lower()
    if _GOOGLES_OWN.search(address):
        return Principal(address, "workload")
    return Principal(address, "service_account" if address.endswith("gserviceaccount.com") else "human")


def authenticated(record: Record) -> Principal | None:
    """Who is authenticated in a record of a Google Cloud audit log; None for nobody in particular."""
    info = "protoPayload.authenticationInfo"
    for path in (f"{info}.principalEmail", f"{info}.principalSubject", f"{info}.authoritySelector"):
        found = named(text_value(value_at(record, path)))
        if found:
            return found
    return None


def delegator(record: Record) -> str | None:
    """Who stands at the beginning of a chain of delegation."""
    chain = "protoPayload.authenticationInfo.serviceAccountDelegationInfo[0]"
    for path in (f"{chain}.firstPartyPrincipal.principalEmail", f"{chain}.principalSubject"):
        found = named(text_value(value_at(record, path)))
        if found:
            return found.id
    return None
