"""The category of an action whose name is a statement: SQL, or a command line of a shell.

Only what begins as a statement is read as one. A query reads, unless it changes or runs something on its way; of
several statements the most harmful counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from features.event.schema import Category


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SQL = re.compile(
    r"""[\s(]*(?:
    (?:select|with)\s.*\b(?:from|into|select|\w+\() | select\s+[^;\s]+\s*(?:$|;)
    | explain\s+(?:analyze\s+)?(?:select|with|insert|update|delete)\b
    | insert\s+(?:ignore\s+)?into\s | replace\s+into\s | update\s+\S+\s+set\s | delete\s+from\s | merge\s+into\s
    | truncate\s+(?:table\s+)?\w | (?:grant|revoke)\s.*\s(?:on|to|from)\s
    | (?:create|alter|drop)\s+(?:or\s+replace\s+)?(?:user|role|login|table|view|database|schema|function|procedure
      |trigger|index|extension|system|server|policy|group|sequence|type|credential|publication|subscription|audit|security)\b
    | copy\s.*\s(?:from|to)\s | (?:exec|execute)\s+\w | call\s+\w+\s*\( | do\s+\$ | unload\s*\(
    | set\s+(?:role|password|session|global|persist|local)\b | load\s+data\s | backup\s+(?:database|log)\s
    )""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_COMMENT = re.compile(r"/\*!?\d*|\*/|--")
_LOCKS = re.compile(r"\bfor\s+(?:no\s+key\s+)?(?:update|share)\b", re.IGNORECASE)
_QUERIES = _words("select with explain show describe desc values table")
_CHANGES = _words(
    """insert update delete drop truncate grant revoke alter create merge replace exec execute call into outfile
    dumpfile copy"""
)
_RUNS_CODE = _words(
    """xp_cmdshell sp_oacreate sys_exec sys_eval pg_read_file pg_read_binary_file lo_import load_file program dblink
    dbms_scheduler utl_http exec execute call function procedure trigger extension do"""
)
_ACCOUNTS = _words("user role login group policy privileges grant revoke authorization credential")
_SETTINGS = _words("global system persist audit server security")
_DELETES = _words("delete drop truncate")
_DEFINES = _words("grant revoke create alter drop set")
_COPIES_OUT = _words("outfile dumpfile unload backup lo_export")

_COMMANDS: dict[Category, str] = {
    "manage_access": """useradd adduser usermod userdel deluser groupadd groupmod gpasswd visudo vipw chmod chown chgrp
        setfacl icacls takeown dsadd dsmod setcap""",
    "rotate_secret": "passwd chpasswd ssh-keygen ssh-copy-id htpasswd cmdkey",
    "execute_code": """bash sh zsh dash ksh csh fish python python3 perl ruby pwsh powershell cmd wscript cscript mshta
        rundll32 regsvr32 nc ncat netcat socat crontab schtasks psexec wmic eval xargs nsenter chroot""",
    "change_security_setting": """iptables nft ufw firewall-cmd setenforce auditctl auditpol wevtutil netsh bcdedit
        vssadmin""",
    "export": "scp rsync sftp rclone mysqldump pg_dump mongodump ntdsutil procdump",
    "assume_privilege": "sudo su doas runas pkexec",
}
_CATEGORY_OF_COMMAND: dict[str, Category] = {
    command: category for category, commands in _COMMANDS.items() for command in commands.split()
}
_NET = re.compile(r"net1?\s+(?:user|group|localgroup|accounts)\s", re.IGNORECASE)
_SERVICE_STOPPED = re.compile(
    r"(?:systemctl|service|sc)\s.*\b(?:stop|disable|mask|kill)\b.*(?:audit|firewall|syslog|falco|osquery|defend|fail2ban)"
    r"|(?:systemctl|service|sc)\s.*(?:audit|firewall|syslog|falco|osquery|defend|fail2ban).*\b(?:stop|disable|mask)\b",
    re.IGNORECASE,
)
_STEALS = re.compile(
    r"\s(?:/etc/(?:g?shadow|sudoers)|\S*/\.(?:ssh|aws|kube|gnupg)/\S+|\S*\bid_(?:rsa|ed25519|ecdsa))\b"
)
_RUNS = re.compile(
    r"\|\s*(?:sudo\s+)?(?:\S*/)?(?:ba|z|da|k|c)?sh\b|\$\(|`[^`]+`|\b(?:ba|z|da|k)?sh\s+-c\b", re.IGNORECASE
)
_NEXT_COMMAND = re.compile(r"&&|\|\|?|;|\n")


def statement_category(name: str, by_words: Callable[[str], Category | None]) -> Category | None:
    """The category of a name that is an SQL statement or a command line; None if it is neither, or says nothing.

    `by_words` reads the words of a statement that changes something.

    >>> statement_category("SELECT created, grants FROM roles", lambda text: "manage_access")
    'read'
    >>> statement_category("useradd -o -u 0 backdoor", lambda text: None)
    'manage_access'
    """
    if _SQL.match(_COMMENT.sub(" ", name)):
        statements = [each for each in _COMMENT.sub(" ", name).split(";") if re.search(r"\w", each)]
        return max((_of_sql(each, by_words) for each in statements), key=_HARM.index)
    return _of_command_line(name)


_HARM: tuple[Category, ...] = (
    "read",
    "write",
    "delete",
    "export",
    "invoke_workflow",
    "admin_console",
    "approve_payment",
    "change_security_setting",
    "manage_access",
    "rotate_secret",
    "execute_code",
    "assume_privilege",
)
"""Of several statements the last of these counts."""


def more_harmful(first: Category | None, second: Category | None) -> Category | None:
    """The one of two readings of an action that does more harm; the first where they do as much, None if unknown.

    >>> more_harmful("list", "delete"), more_harmful("export", "read"), more_harmful(None, "read")
    ('delete', 'export', 'read')
    """
    if first is None or second is None:
        return first or second
    return second if _harm_of(second) > _harm_of(first) else first


def _harm_of(category: Category) -> int:
    return _HARM.index(category) if category in _HARM else 0


def _of_sql(statement: str, by_words: Callable[[str], Category | None]) -> Category:
    words = tuple(re.findall(r"\w+", _LOCKS.sub(" ", statement).lower()))
    known = frozenset(words)
    found = next((category for category, belongs in _SQL_CATEGORIES if belongs(words, known)), None)
    if found is not None:
        return found
    named = by_words(statement)
    if named in _HARM[_HARM.index("export") :]:
        return named
    return "delete" if known & _DELETES else "write"


_SQL_CATEGORIES: tuple[tuple[Category, Callable[[tuple[str, ...], frozenset[str]], Any]], ...] = (
    ("execute_code", lambda words, known: known & _RUNS_CODE and words[0] != "drop"),
    ("export", lambda words, known: known & _COPIES_OUT or (words[0] == "copy" and "to" in known)),
    ("read", lambda words, known: words[0] in _QUERIES and not known & _CHANGES),
    ("rotate_secret", lambda words, known: known & {"password", "identified"}),
    ("assume_privilege", lambda words, known: words[0] == "set" and known & {"role", "authorization"}),
    ("manage_access", lambda words, known: words[0] in _DEFINES and {*words[:4]} & _ACCOUNTS),
    ("change_security_setting", lambda words, known: words[0] in _DEFINES and known & _SETTINGS),
)
"""The first that a statement belongs to counts; of others the words say more."""


def _of_command_line(line: str) -> Category | None:
    if _RUNS.search(line):
        return "execute_code"
    commands = [each.split() for each in _NEXT_COMMAND.split(line) if each.strip()]
    if _STEALS.search(line) and len(commands[0]) > 1 and "/" not in commands[0][0][:1]:
        return "assume_privilege"
    if _NET.match(line.strip()):
        return "manage_access"
    if _SERVICE_STOPPED.match(line.strip()):
        return "change_security_setting"
    found = [category for words in commands if (category := _of_command(words))]
    return max(found, key=_HARM.index, default=None)


def _of_command(words: list[str]) -> Category | None:
    """The category of a command; a single word is one only with its path or its `.exe`."""
    program = re.split(r"[/\\]", words[0].lower())[-1]
    bare = program.removesuffix(".exe")
    if len(words) == 1 and bare == words[0].lower() and bare not in _ONLY_COMMANDS:
        return None
    return _CATEGORY_OF_COMMAND.get(bare)


_ONLY_COMMANDS = _words(
    "useradd usermod groupadd visudo chpasswd sudo psexec runas doas bash zsh powershell pwsh python python3"
)
