"""The category of an action by the words of its name, for names that no vendor's table knows.

A name is cut into words (`user.account.privilege.grant`, `Microsoft.Authorization/roleAssignments/write`,
`CreateAccessKey`, `DELETE /users/7/mfa`). A name that only views something keeps to viewing, whatever it views:
`ListKeys` and `GetPolicy` are reads. Any other name is classified by what it does and to what. A name without a known
verb or noun says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from features.event.schema import Category

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_HTTP_VIEW = re.compile(r"(GET|HEAD|OPTIONS)[ :]*/")
_SEPARATOR = re.compile(r"[.:/#\s]+")
_VERSION = re.compile(r"^v?\d+(alpha|beta)?\d*$")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LIST = _words("list describe search lookup enumerate browse index scan find ls")
_READ = _words(
    """get read view show head fetch query check count select preview test verify validate peek inspect options status
    display observe watch retrieve load open monitor"""
)
_NOUNS_AS_WELL = _words(
    "index query check count select preview test status display watch load open monitor view scan search"
)
"""Views that are nouns as well: beside a word that changes something they say nothing (`index_delete`)."""
_VIEW = _LIST | _READ
_DELETE = _words("delete remove destroy purge drop terminate erase deregister wipe truncate unlink rm trash")
_CHANGE = _words(
    """write put post patch set update modify change edit create make add insert new register enable disable start stop
    restart attach detach associate disassociate assign unassign grant revoke allow deny block unblock rotate reset
    renew regenerate generate issue import upload replace suspend pause resume cancel approve authorize confirm
    submit send
    activate deactivate reactivate lock unlock turn bypass override transfer share unshare invite promote demote elevate
    link bind unbind join leave publish deploy install uninstall configure apply save move rename copy merge schedule
    skip ignore exempt mute silence quarantine restore reject accept toggle switch downgrade clear"""
)
_EXPORT = _words("export download dump extract takeout unload exfiltrate")
_ASSUME = _words("assume impersonate sudo su elevate become actas runas")
_CHANGING = _CHANGE | _DELETE | _EXPORT | _ASSUME | _words("pay refund withdraw purchase disburse remit exec execute")
_RUN = _words("run execute exec invoke call trigger start launch dispatch submit eval")

_SECRETS = _words(
    """secret secrets password passwords passwd passphrase credential credentials token tokens apikey apikeys accesskey
    accesskeys keypair keypairs privatekey sshkey sshkeys pat passcode"""
)
_KEY_OF = _words(
    "access api ssh signing service account private encryption recovery host deploy gpg pgp master kms hmac sas"
)
_KEY_VERBS = _words(
    "create rotate regenerate generate reset revoke issue renew import upload disable enable activate deactivate"
)
_ACCESS = _words(
    """role roles policy policies permission permissions privilege privileges acl acls member members membership
    memberships collaborator collaborators entitlement entitlements rolebinding rolebindings clusterrolebinding grant
    grants consent delegation impersonator admin admins administrator administrators owner owners superuser sudoers
    oauthclient oauth2permissiongrant principal principals serviceaccount serviceaccounts"""
)
_ACCOUNTS = _words("user users principal principals serviceaccount serviceaccounts")
_OPENING = _words("create add invite enable activate reactivate unlock register provision post new")
_GRANTING = _words("grant revoke assign unassign promote demote")
_SECURITY = _words(
    """mfa 2fa totp webauthn authenticator factor factors firewall waf guardrail guardrails audit auditing auditlog
    trail cloudtrail logging siem alarm alarms detector guardduty encryption sso saml oidc idp federation
    antivirus defender
    edr dlp retention allowlist whitelist blocklist blacklist denylist securitygroup securitygroups nsg sslpolicy tls
    protection protected quarantine captcha lockout threat"""
)
_OFF = _words("disable remove delete deactivate reset bypass skip turn")
_SECURITY_PAIRS = (("security", "group"), ("security", "setting"), ("network", "acl"), ("conditional", "access"))
_MONEY = _words(
    "payment payments payout payouts remittance wire withdrawal withdrawals refund refunds disbursement iban"
)
_PAY = _words("pay refund withdraw purchase disburse remit")
_FUNDS = _words("fund funds money bank cash")
_MOVE = _words("transfer send move release")
_CODE = _words(
    "command commands script scripts code shell terminal console query sql snippet notebook cell pod container"
)
_WORKFLOWS = _words(
    """workflow workflows pipeline pipelines job jobs build builds deployment function lambda playbook automation task
    tasks execution runbook dag"""
)
_SIGN_IN = _words("login logon signin authenticate authentication")
_CONSOLES = _words("console panel portal dashboard")


def words_of(name: str) -> tuple[str, ...]:
    """The words of an action's name in lower case, without versions.

    >>> words_of("google.iam.admin.v1.CreateServiceAccountKey")
    ('google', 'iam', 'admin', 'create', 'service', 'account', 'key')
    """
    return tuple(word.lower() for word in _WORD.findall(name) if not _VERSION.match(word.lower()) and word != "v")


@lru_cache(maxsize=65_536)
def generic_category(name: str) -> Category | None:
    """The category of an action by the words of its name; None if they say nothing.

    >>> generic_category("user.account.privilege.grant"), generic_category("vault.ListKeys")
    ('manage_access', 'list')
    >>> generic_category("DELETE /users/7/mfa"), generic_category("frobnicate")
    ('change_security_setting', None)
    """
    words = words_of(name)
    if _opens_console(words):
        return "admin_console"
    changes = [word for word in words if word in _CHANGING]
    view = _view_of(name, changes)
    return view or _privileged(words) or _ordinary(words, changes)


def _view_of(name: str, changes: list[str]) -> Category | None:
    """`list` or `read` if a name only views something: the last part of it that has a verb begins with one that views.

    >>> _view_of("storage.objects.get", []), _view_of("GetExportJob", ["export"]), _view_of("index.delete", ["delete"])
    ('read', 'read', None)
    """
    if _HTTP_VIEW.match(name):
        return None if _EXPORT & set(words_of(name)) else "read"
    parts = [words_of(part) for part in _SEPARATOR.split(name)]
    verbs = next((found for part in reversed(parts) if (found := [w for w in part if w in _VIEW | _CHANGING])), [])
    if changes[:1] == ["post"] and len(changes) == 1:
        verbs = [verb for verb in verbs if verb != "post"] or verbs  # `POST /search`
    either = {"or", "and"} & set(words_of(name))
    if not verbs or verbs[0] not in _VIEW or (changes and either) or (len(verbs) > 1 and verbs[0] in _NOUNS_AS_WELL):
        return None
    return "list" if verbs[0] in _LIST else "read"


def _opens_console(words: tuple[str, ...]) -> bool:
    return bool(_CONSOLES & set(words)) and bool({"admin", "administration", "administrator"} & set(words))


def _privileged(words: tuple[str, ...]) -> Category | None:
    """The category whose misuse does harm by itself, if the name belongs to one."""
    return next((category for category, belongs in _PRIVILEGED if belongs(words, frozenset(words))), None)


def _is_key(words: tuple[str, ...]) -> bool:
    """Whether a name is about a cryptographic or access key, and not about the key of a table's row."""
    keys = [place for place, word in enumerate(words) if word in ("key", "keys")]
    beside = any(place and words[place - 1] in _KEY_OF for place in keys)
    return beside or (bool(keys) and bool(_KEY_VERBS & set(words)))


def _is_setting(known: frozenset[str]) -> bool:
    """Whether a name is about a defence: a factor, a log, a firewall."""
    singular = known | {word.removesuffix("s") for word in known}
    return bool(known & _SECURITY) or any({*pair} <= singular for pair in _SECURITY_PAIRS)


_PRIVILEGED: tuple[tuple[Category, Callable[[tuple[str, ...], frozenset[str]], Any]], ...] = (
    ("assume_privilege", lambda words, known: known & _ASSUME or {"switch", "role"} <= known),
    ("approve_payment", lambda words, known: known & (_PAY | _MONEY) or (known & _MOVE and known & _FUNDS)),
    ("rotate_secret", lambda words, known: (known & _SECRETS and "refresh" not in known) or _is_key(words)),
    (
        "change_security_setting",
        lambda words, known: _is_setting(known) or (known & _OFF and "authentication" in known),
    ),
    ("manage_access", lambda words, known: known & (_ACCESS | _GRANTING) or (known & _ACCOUNTS and known & _OPENING)),
    ("export", lambda words, known: known & _EXPORT),
    ("invoke_workflow", lambda words, known: known & _RUN and known & _WORKFLOWS),
    ("execute_code", lambda words, known: known & {"exec", "eval"} or (known & _RUN and known & _CODE)),
)
"""The first that a name's words belong to counts."""


def _ordinary(words: tuple[str, ...], changes: list[str]) -> Category | None:
    known = set(words)
    if (
        known & _SIGN_IN
        or {"refresh", "token"} <= known
        or ("in" in known and known & {"sign", "signed", "log", "logged"})
    ):
        return "authenticate"
    if not changes:
        return "write" if known & _RUN else None
    return "delete" if changes[0] in _DELETE else "write"
