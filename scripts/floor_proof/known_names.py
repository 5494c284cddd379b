"""Names of actions, assets and identities that random requests use, and what is known of them."""

from __future__ import annotations

from typing import Any

NAMES: dict[str, tuple[str, str]] = {
    "service:Do": ("write", "nothing"),
    "read": ("read", "name"),
    "write": ("write", "name"),
    "iam:CreateAccessKey": ("rotate_secret", "aws"),
    "IAM.amazonaws.com:createaccesskey": ("rotate_secret", "aws"),
    "iam:ListAccessKeys": ("list", "aws"),
    "s3:DeleteObject": ("delete", "aws"),
    "crm:ExportContacts": ("export", "name"),
    "role.assign": ("manage_access", "name"),
    "kubectl.exec": ("execute_code", "name"),
    "4720": ("manage_access", "name"),
    "benutzer_anlegen": ("manage_access", "name"),
    "LoginAs": ("assume_privilege", "name"),
    "storageAccounts/listKeys/action": ("assume_privilege", "name"),
    "SELECT 1; GRANT dba TO mallory": ("manage_access", "name"),
    "cat /etc/shadow": ("assume_privilege", "name"),
    "SearchExported": ("export", "vendor"),
    "Python_REPL": ("execute_code", "vendor"),
    "application.user_membership.show_password": ("rotate_secret", "vendor"),
    "deploy-all": ("invoke_workflow", "actions.yaml"),
    "Export-preview": ("read", "actions.yaml"),
}
"""Names of actions with the category that each has by itself, and where it is known from."""
CATALOGUES: dict[str, list[dict[str, Any]]] = {
    "actions": [
        {"match": ["deploy-*"], "category": "invoke_workflow", "impact": "high", "reversible": False},
        {"match": ["export-*"], "category": "read"},
    ],
    "assets": [
        {"id": ["r2"], "sensitivity": "restricted"},
        {"type": ["bucket"], "sensitivity": "internal", "environment": "production"},
    ],
    "identities": [
        {"match": ["bot"], "type": "workload"},
        {"match": ["boss"], "type": "human", "privileged": True},
        {"match": ["chief"], "role": "ROOT"},
    ],
}
"""What the deployment knows, as in actions.yaml, assets.yaml and identities.yaml."""
