"""Parsing of user agents."""

from __future__ import annotations

import pytest

from features.event.user_agent import Agent, agent_of

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36"


@pytest.mark.parametrize(
    ("text", "agent"),
    [
        (CHROME.format(120), Agent("Chrome", "Linux", True)),
        (
            "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0",
            Agent("Firefox", "Linux", True),
        ),
        (CHROME.format(90).replace("Chrome", "HeadlessChrome"), Agent("HeadlessChrome", "Linux", False)),
        ("[aws-cli/1.18.1 Python/3.8.5 Darwin/19.5.0 botocore/1.17.5]", Agent("aws-cli", "Mac OS X", True)),
        ("aws-cli/2.13.5 Python/3.11.4 Windows/10 exe/AMD64", Agent("aws-cli", "Windows", True)),
        ("Boto3/1.26.2 Python/3.10.8 Linux/4.14 exec-env/AWS_ECS_FARGATE", Agent("Boto3", "Linux", False)),
        ("aws-cli/2.13.5 Linux/4.14 exec-env/CloudShell exe/x86_64", Agent("aws-cli", "Linux", True)),
        ("aws-sdk-go-v2/1.32.3 os/linux lang/go#1.23.1 md/GOOS#linux", Agent("aws-sdk-go-v2", "Linux", False)),
        ("console.ec2.amazonaws.com", Agent("console", None, True)),
        ("[S3Console/0.4, aws-internal/3 aws-sdk-java/1.11.666 Linux/4.9.184]", Agent("console", None, True)),
        ("AWS Internal", Agent("AWS Internal", None, False)),
        ("autoscaling.amazonaws.com", Agent("autoscaling.amazonaws.com", None, False)),
        ("aws-cli/2.13.0", Agent("aws-cli", None, None)),
        (
            "aws-sdk-go/1.55.5 (go1.22.5; windows; amd64) amazon-ssm-agent/3.3.859.0",
            Agent("aws-sdk-go", "Windows", False),
        ),
        (
            "aws-sdk-net/3.7.400 ua/2.0 os/windows#10.0.20348.0 md/ARCH#X64 lang/.NET_Core#6.0.33 exec-env/EC2",
            Agent("aws-sdk-net", "Windows", False),
        ),
        ("aws-sdk-net/3.7.400 ua/2.0 os/windows#10.0.20348.0", Agent("aws-sdk-net", "Windows", None)),
        ("aws-cli/2.17.0 os/macos#23.6.0 exec-env/GitHubActions", Agent("aws-cli", "Mac OS X", False)),
        ("Boto3/1.34 os/macos#23.6.0 lang/python#3.11", Agent("Boto3", "Mac OS X", None)),
        ("68319f60-9dec-43b2-9702-de3a08c9d8a3", Agent(None, None, None)),
        ("", Agent(None, None, None)),
        ("[]", Agent(None, None, None)),
    ],
)
def test_a_user_agent_gives_family_system_and_interactivity(text: str, agent: Agent) -> None:
    """Browsers, consoles and command lines of desktops are interactive, servers are not; the rest stays unknown."""
    assert agent_of(text) == agent


def test_an_upgrade_is_not_a_change_of_client() -> None:
    """Versions are dropped."""
    assert agent_of(CHROME.format(120)) == agent_of(CHROME.format(133))
