"""What messages of sshd, sudo, su and their like say: who, from where, how, and what came of it.

Messages that tell of the same act again (PAM's own, sessions that open and close) or of no act at all are no events. A
tool that changes accounts does not log who started it: nobody is known.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from features.sources.formats.records import NobodyKnown, NotAnEvent, Record

_FROM = r"from (?P<address>\S+) port \d+( ssh2)?"
_SUDO = (
    r"\s*(?P<user>\S+) : (?P<problem>[^;=]+ ; )?(TTY=\S+ ; )?PWD=.*? ; USER=(?P<role>[^;]+?) ;"
    r".*?COMMAND=(?P<command>.*)"
)
_MESSAGES: tuple[tuple[str, re.Pattern[str], str, str | None], ...] = tuple(
    (program, re.compile(pattern), action, outcome)
    for program, pattern, action, outcome in (
        (
            "sshd",
            rf"Accepted (?P<method>\S+) for (?P<user>.+) {_FROM}(: (?P<key>\S+) (?P<fingerprint>\S+))?",
            "sshd:accepted",
            "success",
        ),
        ("sshd", rf"Failed none for (invalid user )?(?P<user>.*) {_FROM}(: .*)?( \[preauth\])?", "", None),
        (
            "sshd",
            rf"Failed (?P<method>\S+) for (invalid user )?(?P<user>.*) {_FROM}(: .*)?( \[preauth\])?",
            "sshd:failed",
            "failure",
        ),
        (
            "sshd",
            rf"(error: )?maximum authentication attempts exceeded for (invalid user )?(?P<user>.*) {_FROM}"
            r"( \[preauth\])?",
            "sshd:too many attempts",
            "denied",
        ),
        (
            "sshd",
            r"User (?P<user>\S+) from (?P<address>\S+) not allowed because .*",
            "sshd:not allowed",
            "denied",
        ),
        ("sudo", _SUDO, "sudo:", "success"),
        (
            "su",
            r"(Successful su for (?P<role>\S+) by (?P<user>\S+)|\(to (?P<role2>\S+)\) (?P<user2>\S+) on .*)",
            "su:",
            "success",
        ),
        (
            "su",
            r"FAILED (su for (?P<role>\S+) by (?P<user>\S+)|SU \(to (?P<role2>\S+)\) (?P<user2>\S+) on .*)",
            "su:",
            "failure",
        ),
        ("systemd-logind", r"New session \S+ of user (?P<user>\S+?)\.", "", None),
        ("login", r"LOGIN ON \S+ BY (?P<user>\S+)( FROM (?P<address>\S+))?", "login:accepted", "success"),
        ("login", r"FAILED LOGIN \(?\d+\)? (on|ON) .* FOR '?(?P<user>\S+?)'?,.*", "login:failed", "failure"),
    )
)
_ACCOUNT_TOOLS = re.compile(r"useradd|userdel|usermod|groupadd|groupdel|groupmod|passwd|chage|chpasswd|gpasswd|adduser")
_NO_ACT = "a message that tells of no act, or again of one"


def read_message(program: str, message: str) -> Record:
    """The user, address, method, fingerprint, role, action and outcome that a message tells of, where it does.

    Raises NotAnEvent for a message that is no act, NobodyKnown for an act of nobody in particular.

    >>> read_message("sshd", "Failed password for invalid user x from 192.0.2.1 port 22 ssh2")["outcome"]
    'failure'
    """
    name = "sshd" if program.startswith("sshd") else program
    for known, pattern, action, outcome in _MESSAGES:
        match = pattern.fullmatch(message) if name == known else None
        if match:
            return _found(match, action, outcome)
    if _ACCOUNT_TOOLS.fullmatch(name) and not message.startswith("pam_"):
        raise NobodyKnown("a change of accounts by nobody in particular")
    raise NotAnEvent(_NO_ACT)


def _found(match: re.Match[str], action: str, outcome: str | None) -> Record:
    if not action:
        raise NotAnEvent(_NO_ACT)
    found = {key.rstrip("2"): value for key, value in match.groupdict().items() if value}
    problem, command = found.pop("problem", None), found.pop("command", None)
    if problem:
        outcome = "failure" if "incorrect password" in problem else "denied"
    named = {"sudo:": lambda: f"sudo:{_program_of(command)}", "su:": lambda: f"su:{found.get('role', 'root')}"}
    build: Callable[[], str] | None = named.get(action)
    return found | {"action": build() if build else action, "outcome": outcome}


def _program_of(command: str | None) -> str:
    """The name of the program in a command: what follows is the user's own text."""
    return (command or "").split(" ")[0].rpartition("/")[2] or "command"
