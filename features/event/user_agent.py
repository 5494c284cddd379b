"""Parse a user agent: the client's family, its operating system, and whether a person uses it interactively.

Versions are dropped: an upgrade is not a change of client. A cloud console counts as one client whatever its front
ends are called, and its operating system is unknown: the one it may name is that of the vendor's server.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from ua_parser import parse

_BROWSERS = re.compile(r"Chrome|Chromium|Edge|Firefox|Opera|Safari|Samsung Internet|Vivaldi|Brave")
_SYSTEMS_OF_PEOPLE = frozenset({"Android", "Chrome OS", "iOS"})
_DESKTOPS = frozenset({"Mac OS X", "Windows"})
"""Systems of people's machines, and of servers and build machines as well."""
_COMMAND_LINES = re.compile(
    r"aws-cli|AWSPowerShell|azure-?cli|azcopy|google-cloud-sdk|gcloud|gsutil|kubectl|k9s|helm|PowerShell|curl/|wget/|httpie"
    r"|okta-cli|gh/|github cli|terraform|pulumi|postman",
    re.IGNORECASE,
)
"""Tools that people type into, and programs call as well."""
_UNATTENDED = re.compile(
    r"exec-env/(EC2|AWS_|CodeBuild|GitHub|GitLab|Jenkins|Circle|Azure|Travis|Bitbucket|Buildkite|TeamCity)"
    r"|\b(github|gitlab|jenkins|circleci|buildkite)[-_ ]?(actions|runner|ci|agent)"
    r"|[-_](agent|service|daemon|exporter)/",
    re.IGNORECASE,
)
"""A program that says that nobody sits before it."""
_SYSTEMS = ((r"darwin|mac ?os", "Mac OS X"), (r"windows|win32", "Windows"), (r"linux", "Linux"))
_LINUXES = frozenset({"CentOS", "Debian", "Fedora", "Linux Mint", "Red Hat", "SUSE", "Ubuntu"})
_CONSOLE = re.compile(r"^(console|signin)\.[\w.-]+$|^[\w-]*Console\w*\b")
_BROWSER_SHELL = re.compile(r"exec-env/CloudShell", re.IGNORECASE)
_SERVICE = re.compile(r"^([\w-]+\.)+amazonaws\.com$")
_INTERNAL = re.compile(r"^AWS Internal$|^aws-internal/")
_PRODUCT = re.compile(r"[A-Za-z][\w.+-]*")


@dataclass(frozen=True)
class Agent:
    """A parsed user agent; None means unknown."""

    family: str | None
    system: str | None
    interactive: bool | None


@lru_cache(maxsize=4_096)  # texts of 2 KiB at most: 8 MiB
def agent_of(user_agent: str) -> Agent:
    """Parse a user agent, with or without the brackets that CloudTrail puts around some.

    Browsers, consoles, phones, and command lines on a desktop system are interactive; services, agents of machines,
    build jobs and programs on servers are not. Of any other program on a desktop system, or without a system, it is
    unknown.

    >>> agent_of("[aws-cli/1.29.62 Python/3.11.5 Darwin/22.6.0 botocore/1.31.62]")
    Agent(family='aws-cli', system='Mac OS X', interactive=True)
    >>> agent_of("aws-sdk-go/1.55.5 (go1.22.5; windows; amd64) amazon-ssm-agent/3.3.859.0")
    Agent(family='aws-sdk-go', system='Windows', interactive=False)
    >>> agent_of("Boto3/1.34 md/Botocore#1.34 ua/2.0 os/linux#5.10 lang/python#3.11")
    Agent(family='Boto3', system='Linux', interactive=False)
    >>> agent_of("console.ec2.amazonaws.com")
    Agent(family='console', system=None, interactive=True)
    >>> agent_of("aws-cli/2.13.0")
    Agent(family='aws-cli', system=None, interactive=None)
    """
    text = user_agent.strip().removeprefix("[").removesuffix("]")
    if _CONSOLE.match(text):
        return Agent("console", None, True)
    if _SERVICE.match(text):
        return Agent(text, None, False)
    if _INTERNAL.match(text):
        return Agent("AWS Internal", None, False)
    parsed = parse(text)
    family = parsed.user_agent.family if parsed.user_agent else _product(text)
    system = parsed.os.family if parsed.os else _system(text)
    system = "Linux" if system in _LINUXES else system
    return Agent(family, system, _interactive(text, family, system))


def _product(text: str) -> str | None:
    match = _PRODUCT.match(text)
    return match.group() if match else None


def _system(text: str) -> str | None:
    return next((system for sign, system in _SYSTEMS if re.search(sign, text, re.IGNORECASE)), None)


def _interactive(text: str, family: str | None, system: str | None) -> bool | None:
    if _UNATTENDED.search(text):
        return False
    if _BROWSERS.match(family or "") or system in _SYSTEMS_OF_PEOPLE or _BROWSER_SHELL.search(text):
        return True
    if system in _DESKTOPS:
        return True if _COMMAND_LINES.search(text) else None
    return False if system else None
