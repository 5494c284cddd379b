"""Who acts, of which type, and what came of it: the rules of each source, and what they leave open."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from features.event.schema import Event
from features.sources.formats.records import NobodyKnown, NotAnEvent
from features.sources.linux.auth_log import parse_line
from features.sources.registry import SOURCES

TIME = "2026-01-05T09:00:00Z"
UPN = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
OBJECT = "http://schemas.microsoft.com/identity/claims/objectidentifier"
SESSION = "arn:aws:sts::111122223333:assumed-role/deploy"
GUID = "88888888-6666-6666-6666-666666666666"


def okta(
    kind: str = "User", login: str | None = "Ada@example.com", number: str = "00u1", **more: Any
) -> dict[str, Any]:
    """An event of Okta's log."""
    return {
        "eventType": "user.session.start",
        "published": TIME,
        "actor": {"id": number, "type": kind, "alternateId": login},
        "outcome": {"result": "SUCCESS"},
        **more,
    }


def entra(**more: Any) -> dict[str, Any]:
    """A sign-in at Entra."""
    return {
        "createdDateTime": TIME,
        "category": "SignInLogs",
        "status": {"errorCode": 0},
        "isInteractive": True,
        **more,
    }


def azure(claims: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An entry of Azure's activity log."""
    return {
        "time": TIME,
        "operationName": "Microsoft.Compute/virtualMachines/write",
        "resultType": "Success",
        "identity": {"claims": claims},
        **more,
    }


def office(user: str, kind: int | str = 0, operation: str = "FileDownloaded", **more: Any) -> dict[str, Any]:
    """A record of Microsoft 365's audit log."""
    return {"CreationTime": "2026-01-05T09:00:00", "Operation": operation, "UserId": user, "UserType": kind, **more}


def gcp(info: dict[str, Any], **payload: Any) -> dict[str, Any]:
    """An entry of Google Cloud's audit log."""
    named = {"serviceName": "compute.googleapis.com", "methodName": "v1.compute.instances.insert"}
    return {"timestamp": TIME, "protoPayload": {**named, "authenticationInfo": info, **payload}}


def workspace(
    actor: dict[str, Any], name: str = "view", application: str = "drive", **parameters: Any
) -> dict[str, Any]:
    """An event of a Workspace activity."""
    listed = [{"name": key, "multiValue" if isinstance(v, list) else "value": v} for key, v in parameters.items()]
    return {"id": {"time": TIME, "applicationName": application}, "actor": actor, "name": name, "parameters": listed}


def github(actor: str | None, action: str = "repo.create", **more: Any) -> dict[str, Any]:
    """A record of GitHub's audit log."""
    return {"@timestamp": 1767603600000, "action": action, "actor": actor, **more}


def kubernetes(user: str | None, verb: str = "get", resource: str = "pods", **more: Any) -> dict[str, Any]:
    """An audit event of Kubernetes."""
    return {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "verb": verb,
        "user": {"username": user},
        "objectRef": {"resource": resource},
        "requestReceivedTimestamp": TIME,
        "stage": "ResponseComplete",
        "responseStatus": {"code": 200},
        **more,
    }


def line(message: str, program: str = "sshd", host: str = "web-1") -> dict[str, Any]:
    """A line of a sign-in log."""
    return parse_line(f"{TIME} {host} {program}[7]: {message}")


def ocsf(**more: Any) -> dict[str, Any]:
    """An API call in OCSF."""
    return {
        "class_uid": 6003,
        "activity_id": 2,
        "time": 1767603600000,
        "api": {"operation": "Get"},
        "status_id": 1,
        **more,
    }


def event(source: str, record: dict[str, Any]) -> Event:
    """The event of a record."""
    return SOURCES[source].parse(record)


@pytest.mark.parametrize(
    ("source", "record", "identity", "kind"),
    [
        ("okta", okta(), "ada@example.com", "human"),
        ("okta", okta(login="unknown"), "00u1", "human"),
        ("okta", okta("SystemPrincipal", "system@okta.com"), "system@okta.com", "workload"),
        ("okta", okta("PublicClientApp", "0oa1"), "0oa1", "workload"),
        ("entra", entra(userPrincipalName="Ada@example.com", userId=GUID), "ada@example.com", "human"),
        ("entra", entra(userId=GUID), GUID, "human"),
        ("entra", entra(servicePrincipalId=GUID, servicePrincipalName="ci"), GUID, "service_account"),
        ("entra", entra(servicePrincipalId=GUID, managedIdentityType="userAssigned"), GUID, "workload"),
        ("entra", entra(servicePrincipalId=GUID, category="ManagedIdentitySignInLogs"), GUID, "workload"),
        ("entra", entra(servicePrincipalId=GUID, agent={"agentType": "agenticAppInstance"}), GUID, "agent"),
        ("azure", azure({UPN: "Ada@example.com", "idtyp": "user"}), "ada@example.com", "human"),
        ("azure", azure({OBJECT: GUID, "idtyp": "app"}), GUID, "service_account"),
        ("azure", azure({OBJECT: GUID, "idtyp": "app", "xms_mirid": "/subscriptions/1/x"}), GUID, "workload"),
        ("azure", azure({}, caller="ada@example.com"), "ada@example.com", "human"),
        ("azure", azure({}) | {"identity": {"claim": {"oid": GUID, "appid": "1"}}}, GUID, "service_account"),
        (
            "azure",
            azure({})
            | {"authorization": {"evidence": {"principalId": GUID.replace("-", ""), "principalType": "User"}}},
            GUID,
            "human",
        ),
        ("microsoft365", office("Ada@example.com"), "ada@example.com", "human"),
        ("microsoft365", office("ServicePrincipal_1", 4), "1", "service_account"),
        ("microsoft365", office("NT AUTHORITY\\SYSTEM (Microsoft.Exchange)", 3), None, "workload"),
        ("microsoft365", office("ada@example.com", "Regular"), "ada@example.com", "human"),
        ("gcp", gcp({"principalEmail": "Ada@example.com"}), "ada@example.com", "human"),
        (
            "gcp",
            gcp({"principalEmail": "ci@p.iam.gserviceaccount.com"}),
            "ci@p.iam.gserviceaccount.com",
            "service_account",
        ),
        ("gcp", gcp({"principalEmail": "7@cloudservices.gserviceaccount.com"}), None, "workload"),
        ("gcp", gcp({"principalEmail": "service-7@gcp-sa-x.iam.gserviceaccount.com"}), None, "workload"),
        ("gcp", gcp({"principalSubject": "principal://iam.googleapis.com/workforcePools/p/subject/a"}), None, "human"),
        (
            "gcp",
            gcp({"principalSubject": "principal://iam.googleapis.com/x/workloadIdentityPools/p/s"}),
            None,
            "workload",
        ),
        ("gcp", gcp({"principalEmail": "system:serviceaccount:d:app"}), None, "service_account"),
        ("google-workspace", workspace({"email": "Ada@example.com"}), "ada@example.com", "human"),
        ("google-workspace", workspace({"callerType": "KEY", "email": "x@y.com"}), "x@y.com", "service_account"),
        ("google-workspace", workspace({"profileId": "118"}), "118", "human"),
        (
            "google-workspace",
            workspace({"email": "a@b.c", "applicationInfo": {"oauthClientId": "7", "impersonation": True}}),
            "a@b.c via 7",
            "service_account",
        ),
        ("github", github("Ada"), "ada", "human"),
        ("github", github("renovate[bot]"), "renovate[bot]", "service_account"),
        ("github", github("github-actions[bot]"), "github-actions[bot]", "workload"),
        ("github", github("copilot-swe-agent[bot]"), "copilot-swe-agent[bot]", "agent"),
        ("github", github("ada", programmatic_access_type="deploy_key"), "ada", "human"),
        ("kubernetes", kubernetes("system:serviceaccount:d:app"), "system:serviceaccount:d:app", "service_account"),
        ("kubernetes", kubernetes("system:node:n-1"), "system:node:n-1", "workload"),
        ("kubernetes", kubernetes("aksService"), "aksService", "workload"),
        ("kubernetes", kubernetes("Ada@example.com"), "Ada@example.com", "human"),
        ("kubernetes", kubernetes(f"{SESSION}/i-0abc"), "arn:aws:iam::111122223333:role/deploy", "workload"),
        ("kubernetes", kubernetes("arn:aws:iam::111122223333:user/ada"), None, "human"),
        ("linux", line("Accepted password for ada from 192.0.2.1 port 22 ssh2"), "ada", "human"),
        ("linux", line("Accepted publickey for root from 192.0.2.1 port 22 ssh2"), "root@web-1", "human"),
        ("linux", line("Accepted publickey for svc-x from 192.0.2.1 port 22 ssh2"), "svc-x", "service_account"),
        ("linux", line("Accepted publickey for git from 192.0.2.1 port 22 ssh2"), "git@web-1", "service_account"),
        (
            "ocsf",
            ocsf(actor={"user": {"email_addr": "Ada@example.com", "uid": "1", "type_id": 1}}),
            "ada@example.com",
            "human",
        ),
        ("ocsf", ocsf(actor={"user": {"uid": "1", "type_id": 4}}), "1", "service_account"),
        ("ocsf", ocsf(actor={"user": {"uid": "1"}, "session": {"issuer": "arn:aws:iam::1:role/r"}}), None, "workload"),
        ("ocsf", ocsf(actor={"user": {"uid": f"{SESSION}/i-1"}}), "arn:aws:iam::111122223333:role/deploy", "workload"),
        ("ocsf", ocsf(actor={"app_uid": "app-1"}), "app-1", "service_account"),
    ],
)
def test_an_identity_has_an_id_and_a_type(source: str, record: dict[str, Any], identity: str | None, kind: str) -> None:
    """By the rules of the source's page; None where the id is the name as the log has it."""
    found = event(source, record).identity

    assert (found.id, found.type) == (identity or found.id, kind)
    assert SOURCES[source].identity_type(record) == kind


@pytest.mark.parametrize(
    ("source", "record"),
    [
        ("okta", okta("IP address", "192.0.2.1")),
        ("okta", okta(login="unknown", number="unknown")),
        ("okta", okta(login=None, number="")),
        ("entra", entra(userDisplayName="Ada")),
        ("entra", entra(userPrincipalName="{PII Removed}")),
        ("azure", azure({"name": "Ada Lovelace"})),
        ("azure", azure({UPN: "Not Available"})),
        ("microsoft365", office("Not Available")),
        ("gcp", gcp({})),
        ("gcp", gcp({"principalSubject": "allUsers"})),
        ("google-workspace", workspace({"callerType": "USER"})),
        ("github", github(None)),
        ("github", github("ghost")),
        ("kubernetes", kubernetes("system:anonymous")),
        ("kubernetes", kubernetes(None)),
        ("linux", line("new user: name=x, UID=48", "useradd")),
        ("ocsf", ocsf()),
        ("ocsf", ocsf(actor={"user": {"name": "Unknown"}})),
    ],
)
def test_nobody_known_is_nobody(source: str, record: dict[str, Any]) -> None:
    """No invented identity that gathers what everybody does."""
    with pytest.raises(NobodyKnown):
        event(source, record)


@pytest.mark.parametrize(
    ("source", "record"),
    [
        ("azure", azure({UPN: "ada@example.com"}, resultType="Start")),
        ("azure", azure({UPN: "ada@example.com"}, category="ServiceHealth")),
        ("gcp", gcp({"principalEmail": "ada@example.com"}) | {"operation": {"first": True}}),
        (
            "gcp",
            gcp({"principalEmail": "ada@example.com"}) | {"logName": "p/logs/cloudaudit.googleapis.com%2Fsystem_event"},
        ),
        ("google-workspace", workspace({"email": "a@b.c"}, "delivery", "gmail")),
        ("google-workspace", workspace({"email": "a@b.c"}, "suspicious_login", "login")),
        ("kubernetes", kubernetes("ada@example.com", stage="RequestReceived")),
        ("okta", okta(eventType="policy.evaluate_sign_on", outcome={"result": "CHALLENGE"})),
        ("entra", entra(userId=GUID, status={"errorCode": 50076})),
        ("entra", {"Date (UTC)": TIME, "User ID": GUID, "Username": "a@b.c", "Status": "Interrupted"}),
        ("linux", line("pam_unix(sshd:session): session opened for user ada by (uid=0)")),
        ("linux", line("session opened", "CRON")),
    ],
)
def test_what_is_no_act_is_no_event(source: str, record: dict[str, Any]) -> None:
    """The start of what is logged again, notices, and repetitions are counted."""
    with pytest.raises(NotAnEvent) as counted:
        event(source, record)

    assert not isinstance(counted.value, NobodyKnown)


@pytest.mark.parametrize(
    ("source", "record", "outcome"),
    [
        ("okta", okta(outcome={"result": "DENY"}), "denied"),
        ("okta", okta(outcome={"result": "CHALLENGE"}), "failure"),
        ("okta", okta(outcome={"result": "something new"}), None),
        ("okta", okta(outcome=None), None),
        ("okta", okta(outcome=None, eventType="group.privilege.grant"), "success"),
        ("entra", entra(userId=GUID, status={"errorCode": 50126}), "failure"),
        ("entra", entra(userId=GUID, status={"errorCode": 53003}), "denied"),
        ("entra", entra(userId=GUID, status={}), None),
        ("azure", azure({UPN: "ada@example.com"}, resultType="Failed"), "failure"),
        ("azure", azure({UPN: "ada@example.com"}, resultType=None, statusText="AuthorizationFailure"), "denied"),
        ("microsoft365", office("ada@example.com", operation="UserLoginFailed", ResultStatus="Success"), "failure"),
        ("gcp", gcp({"principalEmail": "ada@example.com"}, status={"code": 7}), "denied"),
        ("gcp", gcp({"principalEmail": "ada@example.com"}, status={"code": 5}), "failure"),
        ("gcp", gcp({"principalEmail": "ada@example.com"}, status={}), "success"),
        (
            "gcp",
            gcp({"principalEmail": "a@b.c"}, serviceName="login.googleapis.com", methodName="x.loginChallenge"),
            None,
        ),
        (
            "gcp",
            gcp({"principalEmail": "a@b.c"}, serviceName="login.googleapis.com", methodName="x.loginFailure"),
            "failure",
        ),
        ("entra", entra(userId=GUID, status={"errorCode": 50074}), "failure"),
        ("google-workspace", workspace({"email": "a@b.c"}, "login_failure", "login"), "failure"),
        ("google-workspace", workspace({"email": "a@b.c"}, "login_challenge", "login"), None),
        (
            "google-workspace",
            workspace({"email": "a@b.c"}, "login_verification", "login", login_challenge_status="failed"),
            "failure",
        ),
        ("github", github("ada", "user.failed_login"), "failure"),
        ("github", github("ada", "user.login"), "success"),
        ("github", github("ada", "repo.destroy"), "success"),
        ("kubernetes", kubernetes("ada@example.com", responseStatus={"code": 403}), "denied"),
        ("kubernetes", kubernetes("ada@example.com", responseStatus={"code": 404}), "failure"),
        ("kubernetes", kubernetes("ada@example.com", responseStatus=None), None),
        ("linux", line("Failed password for ada from 192.0.2.1 port 22 ssh2"), "failure"),
        (
            "linux",
            line("ada : user NOT in sudoers ; TTY=pts/1 ; PWD=/ ; USER=root ; COMMAND=/bin/ls", "sudo"),
            "denied",
        ),
        ("ocsf", ocsf(actor={"app_uid": "1"}, status_id=2), "failure"),
        ("ocsf", ocsf(actor={"app_uid": "1"}, status_id=0), None),
    ],
)
def test_what_came_of_it(source: str, record: dict[str, Any], outcome: str | None) -> None:
    """An outcome that the log does not say, or says in a word that is not known, is unknown."""
    assert event(source, record).action.outcome == outcome


@pytest.mark.parametrize(
    ("source", "record", "methods"),
    [
        (
            "entra",
            entra(userId=GUID, authenticationDetails=[{"authenticationMethod": "Password", "succeeded": True}]),
            ("pwd",),
        ),
        (
            "entra",
            entra(
                userId=GUID,
                authenticationDetails=[
                    {"authenticationMethod": "Password", "succeeded": True},
                    {"authenticationMethod": "Mobile app notification", "succeeded": True},
                ],
            ),
            ("pwd", "swk", "mfa"),
        ),
        (
            "entra",
            entra(
                userId=GUID,
                authenticationRequirement="multiFactorAuthentication",
                authenticationDetails=[{"authenticationMethod": "Previously satisfied", "succeeded": True}],
            ),
            None,
        ),
        (
            "entra",
            entra(
                userId=GUID,
                isInteractive=False,
                authenticationDetails=[{"authenticationMethod": "Password", "succeeded": True}],
            ),
            None,
        ),
        (
            "google-workspace",
            workspace({"email": "a@b.c"}, "login_success", "login", login_challenge_method=["none"]),
            None,
        ),
        (
            "google-workspace",
            workspace(
                {"email": "a@b.c"}, "login_success", "login", login_challenge_method=["password", "security_key"]
            ),
            ("pwd", "hwk"),
        ),
        ("linux", line("Accepted publickey for ada from 192.0.2.1 port 22 ssh2: RSA SHA256:x"), ("swk",)),
        ("linux", line("Accepted publickey for ada from 192.0.2.1 port 22 ssh2: ED25519-SK SHA256:x"), ("hwk",)),
        ("linux", line("Accepted keyboard-interactive/pam for ada from 192.0.2.1 port 22 ssh2"), None),
    ],
)
def test_a_sign_in_proves_what_its_record_shows(source: str, record: dict[str, Any], methods: Any) -> None:
    """Nothing is proven by what was done at another time, or is not said."""
    assert event(source, record).authentication.amr == methods


def test_a_sign_in_that_proved_nothing_anew_is_no_fresh_proof() -> None:
    """A token of an earlier sign-in satisfied it: when that was is not said."""
    steps = [{"authenticationMethod": "Previously satisfied", "succeeded": True}]

    assert event("entra", entra(userId=GUID, authenticationDetails=steps)).authentication.time is None


def test_delegation_names_who_stands_behind() -> None:
    """A service account that a person acts through, and a user that is impersonated."""
    chain = [{"firstPartyPrincipal": {"principalEmail": "Ada@example.com"}}]
    delegated = gcp({"principalEmail": "ci@p.iam.gserviceaccount.com", "serviceAccountDelegationInfo": chain})
    impersonated = kubernetes("ada@example.com", impersonatedUser={"username": "bo@example.com"})

    assert event("gcp", delegated).identity.acting_for == "ada@example.com"
    assert event("kubernetes", impersonated).identity.acting_for == "bo@example.com"


def test_a_user_name_cannot_forge_an_address() -> None:
    """The last address of the line is sshd's own; what comes before is what somebody typed."""
    typed = line("Failed password for invalid user root from 203.0.113.9 port 1 from 192.0.2.1 port 22 ssh2")

    assert event("linux", typed).network.ip == "192.0.2.1"


@pytest.mark.parametrize(("days", "years_ago"), [(-2, 0), (3, 1)])
def test_a_line_without_a_year_is_not_of_the_future(days: int, years_ago: int) -> None:
    """A time that would lie ahead is of the year before."""
    day = datetime.now(UTC) + timedelta(days=days)
    written = f"{day:%b} {day.day:2} 10:00:00 web-1 sshd[7]: Accepted password for ada from 192.0.2.1 port 22 ssh2"

    time = event("linux", parse_line(written)).time

    assert (time.month, time.day, time.year) == (day.month, day.day, day.year - years_ago)


def test_a_name_that_only_looks_is_a_view() -> None:
    """Whatever it looks at: a role, a policy, a group of firewalls."""
    listed = gcp({"principalEmail": "a@b.c"}, methodName="google.iam.admin.v1.ListServiceAccountKeys")
    read = azure({UPN: "a@b.c"}, operationName="Microsoft.Network/networkSecurityGroups/securityRules/read")

    assert event("gcp", listed).action.category == "list"
    assert event("azure", read).action.category == "read"


def test_a_record_about_a_token_names_no_credential() -> None:
    """The token is new; which one was used to make it is not said."""
    made = github(
        "ada", "personal_access_token.create", hashed_token="x", programmatic_access_type="personal_access_token"
    )
    used = github("ada", "git.push", hashed_token="x", programmatic_access_type="personal_access_token")

    assert event("github", made).credential.id is None
    assert (event("github", used).credential.id, event("github", used).credential.kind) == ("x", "api_token")
