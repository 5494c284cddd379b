"""Who a Kubernetes user name stands for; managed clusters (EKS, GKE, AKS) write the same names.

**Identity** is the user name as the API server knows it; where it is an ARN (EKS), who that ARN names in CloudTrail,
without the name of a role's session. `system:anonymous` and `system:unauthenticated` are nobody.

**Identity type.** A service account of a namespace is a service account. Nodes, the control plane and the agents of a
managed cluster are workloads. A name that is a mail address, and the administrator's certificate of a cluster, is a
person; no rule names the type of any other user, which counts as a person.
"""

from __future__ import annotations

import re

from features.event.schema import IdentityType
from features.sources.aws.arn_principal import principal_named

ANONYMOUS = ("system:anonymous", "system:unauthenticated")
_SERVICE_ACCOUNT = "system:serviceaccount:"
_CONTROL_PLANE = re.compile(
    r"^(system:|eks:|aks|gke|masterclient$|nodeclient$|container-engine|apiserver|kubelet|kube-|node/)", re.IGNORECASE
)
_ADMINISTRATOR = re.compile(
    r"^(kubernetes-admin|kubernetes-super-admin|clusterAdmin|clusterUser|admin|minikube.*)$", re.I
)


def identity_of(name: str) -> tuple[str, IdentityType | None]:
    """The identity of a user name, and its type; None where no rule names the type.

    >>> identity_of("arn:aws:sts::111122223333:assumed-role/deploy/i-0abc")
    ('arn:aws:iam::111122223333:role/deploy', 'workload')
    """
    found = principal_named(name)
    return (found.identity, found.type) if found else (name, type_of_user(name))


def type_of_user(name: str) -> IdentityType | None:
    """The identity type of a user name; None where no rule names it.

    >>> type_of_user("system:serviceaccount:default:app"), type_of_user("eks:node-manager"), type_of_user("jenkins")
    ('service_account', 'workload', None)
    """
    if name.startswith(_SERVICE_ACCOUNT):
        return "service_account"
    if _CONTROL_PLANE.search(name):
        return "workload"
    return "human" if "@" in name or _ADMINISTRATOR.search(name) else None
