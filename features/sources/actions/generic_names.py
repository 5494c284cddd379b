"""The category of an action by the words of its name, for names that no vendor's table knows.

A name is cut into words (`user.account.privilege.grant`, `Microsoft.Authorization/roleAssignments/write`,
`CreateAccessKey`, `DELETE /users/7/mfa`); of an address only method and path count. A name that only views something is
a view, whatever it views: `ListKeys` and `GetPolicy` are reads. A word that changes something, anywhere in the name,
ends that. A name without a known verb says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from features.event.schema import Category

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_ADDRESS = re.compile(r"(?P<method>[A-Za-z]+)[ :]+(?:https?://[^/ ]+)?(?P<path>/[^?#]*)(?P<rest>.*)", re.DOTALL)
_OVERRIDE = re.compile(r"[?&]_method=([A-Za-z]+)")
_VERSION = re.compile(r"^v?\d+(alpha|beta)?\d*$")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LIST = _words("list describe search lookup enumerate browse index scan find ls")
_READ = _words(
    """get read view show head fetch query check count select preview test verify validate peek inspect options status
    display observe watch retrieve load open monitor"""
)
_VIEW = _LIST | _READ
_DELETE = _words("delete remove destroy purge drop terminate erase deregister wipe truncate unlink rm trash")
_CHANGE = _words(
    """write put post patch set update modify change edit create make add insert register enable disable start stop
    restart attach detach associate disassociate assign unassign grant revoke allow deny block unblock rotate reset
    renew regenerate generate issue import upload replace suspend pause resume cancel approve authorize confirm
    submit send
    activate deactivate reactivate lock unlock turn bypass override transfer share unshare invite promote demote elevate
    link bind unbind join leave publish deploy install uninstall configure apply save move rename copy merge schedule
    skip ignore exempt mute silence quarantine restore reject accept consent toggle switch downgrade clear"""
)
_EXPORT = _words("export download dump extract takeout unload exfiltrate")
_ASSUME = _words("assume impersonate sudo su elevate become actas runas")
_CHANGING = _CHANGE | _DELETE | _EXPORT | _ASSUME | _words("pay refund withdraw purchase disburse remit exec execute")
_NOUNS_AS_WELL = _EXPORT | _words(
    """import grant purchase share transfer release merge copy move schedule issue upload refund run call trigger start
    post"""
)
"""Changes that are nouns as well: behind a view they name what is viewed (`GetExportJob`)."""
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
    memberships collaborator collaborators entitlement entitlements rolebinding rolebindings clusterrole
    clusterroles clusterrolebinding clusterrolebindings grant
    grants consent delegation impersonator admin admins administrator administrators owner owners superuser sudoers
    oauthclient principal principals serviceaccount serviceaccounts"""
)
_ACCOUNTS = _words("user users principal principals serviceaccount serviceaccounts")
_OPENING = _words("create add invite enable activate reactivate unlock register provision post new")
_GRANTING = _words("grant revoke assign unassign promote demote")
_SECURITY = _words(
    """mfa totp webauthn authenticator factor factors firewall waf guardrail guardrails audit auditing auditlog
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
_CODE = _words("command commands script scripts code shell terminal console sql snippet notebook cell pod container")
_WORKFLOWS = _words(
    """workflow workflows pipeline pipelines job jobs build builds deployment function lambda playbook automation task
    tasks runbook dag"""
)
_SIGN_IN = _words("login logon signin authenticate authentication")
_CONSOLES = _words("console panel portal dashboard")


def words_of(name: str) -> tuple[str, ...]:
    """The words of an action's name in lower case and in their plain form, without versions.

    >>> words_of("google.iam.admin.v1.CreateServiceAccountKey")
    ('google', 'iam', 'admin', 'create', 'service', 'account', 'key')
    >>> words_of("DELETE https://search.example.com/users/7/2fa?view=1"), words_of("UserDisabled")
    (('delete', 'users', 'mfa'), ('user', 'disable'))
    """
    name = re.sub("2fa", " mfa ", _spoken(name), flags=re.IGNORECASE)
    words = (word.lower() for word in _WORD.findall(name))
    return tuple(_plain(word) for word in words if not _VERSION.match(word) and word != "v")


def _spoken(name: str) -> str:
    """Of an address the method and the path: what follows is the caller's own text. A method may be overridden."""
    address = _ADDRESS.fullmatch(name.strip())
    if address is None:
        return name
    override = _OVERRIDE.search(address["rest"])
    return f"{override[1] if override else address['method']} {address['path']}"


@lru_cache(maxsize=65_536)
def _plain(word: str) -> str:
    """A participle as its verb, where the verb is known."""
    for base in (
        word.removesuffix("d"),
        word.removesuffix("ed"),
        word.removesuffix("ing"),
        word.removesuffix("ing") + "e",
    ):
        if base != word and base in _VIEW | _CHANGING:
            return base
    return word


@lru_cache(maxsize=65_536)
def generic_category(name: str) -> Category | None:
    """The category of an action by the words of its name; None if they say nothing.

    >>> generic_category("user.account.privilege.grant"), generic_category("vault.ListKeys")
    ('manage_access', 'list')
    >>> generic_category("DELETE /users/7/mfa"), generic_category("frobnicate"), generic_category("roles")
    ('change_security_setting', None, None)
    """
    words = words_of(name)
    verbs = [word for word in words if word in _VIEW or word in _CHANGING or word in _RUN]
    if _opens_console(words):
        return "admin_console"
    if _is_view(verbs, words):
        exports = words[0] in ("get", "head") and {*_spoken(name).lower().split("/")} & _EXPORT
        return "export" if exports else "list" if _first_view(verbs) in _LIST else "read"
    changes = [verb for verb in verbs if verb not in _VIEW]
    return (_privileged(words) if changes else None) or _ordinary(words, changes)


def _is_view(verbs: list[str], words: tuple[str, ...]) -> bool:
    """Whether a name only views: it begins with a view, and what changes something is only what is viewed."""
    if verbs[:1] == ["post"] and len(verbs) > 1 and verbs[-1] in _LIST:
        verbs = verbs[1:]  # `POST /search`
    begins = verbs[:1] != [] and verbs[0] in _VIEW and not {"or", "and", "then"} & set(words)
    return bool(verbs) and set(verbs) <= (_VIEW | _NOUNS_AS_WELL if begins else _VIEW)


def _first_view(verbs: list[str]) -> str:
    return next(verb for verb in verbs if verb in _VIEW)


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
