"""The category an action has by its name, whatever a caller declares."""

import pytest

from features.sources.actions.derivation import derived_category
from features.sources.actions.generic_names import generic_category
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
    "Microsoft.Storage/storageAccounts/listKeys/action": "list",
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
    ["frobnicate", "service:Do", "", "\U0001f4a5", "7", ":", "GET", "roles", "payment_history", "privacy policy"],
)
def test_a_name_that_says_nothing_is_a_write_and_says_so(name: str) -> None:
    """A declared category counts beside it."""
    derived = derived_category(name)

    assert (derived.category, derived.source) in (("write", "nothing"), ("read", "name"))


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
