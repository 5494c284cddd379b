"""What each simulated job does, and with which clients.

Jobs in the cloud use AWS API names, jobs in applications names of their own (`name/category`). An action is the rarer
the later it comes in its list, but it does happen: administrators do as their daily work what an attacker does.
"""

from __future__ import annotations

from functools import cache
from typing import cast, get_args

from features.event.schema import Category
from features.sources.aws.action_categories import access_levels, category_of
from training.reference.attack_sequences import Step

CLOUD_JOBS: dict[str, str] = {
    "developer": """logs:GetLogEvents logs:FilterLogEvents lambda:GetFunction s3:ListBuckets s3:GetObject
        cloudwatch:GetMetricData lambda:ListFunctions20150331 ec2:DescribeInstances dynamodb:Query s3:PutObject
        lambda:UpdateFunctionCode20150331v2 cloudformation:DescribeStacks ecr:GetAuthorizationToken ssm:GetParameters
        sts:AssumeRole sts:GetCallerIdentity secretsmanager:GetSecretValue codebuild:StartBuild ssm:StartSession
        lambda:UpdateFunctionConfiguration20150331v2 iam:ListRoles iam:PassRole s3:DeleteObject""",
    "operator": """ec2:DescribeInstances cloudwatch:DescribeAlarms ec2:DescribeSecurityGroups cloudwatch:GetMetricData
        ssm:DescribeInstanceInformation rds:DescribeDBInstances iam:ListUsers iam:GetUser iam:ListRoles iam:GetRole
        ec2:DescribeVolumes ssm:StartSession ssm:SendCommand ssm:GetCommandInvocation sts:AssumeRole ec2:StartInstances
        ec2:StopInstances ec2:RunInstances iam:CreateRole iam:AttachRolePolicy iam:CreateUser iam:AttachUserPolicy
        iam:CreateAccessKey iam:UpdateLoginProfile ec2:AuthorizeSecurityGroupIngress iam:UpdateAssumeRolePolicy
        secretsmanager:ListSecrets secretsmanager:GetSecretValue ec2:ModifySnapshotAttribute cloudtrail:LookupEvents
        cloudtrail:PutEventSelectors ec2:DeleteFlowLogs kms:ScheduleKeyDeletion rds:ModifyDBSnapshotAttribute""",
    "analyst": """athena:GetQueryResults athena:StartQueryExecution s3:GetObject glue:GetTables s3:ListObjects
        athena:ListQueryExecutions glue:GetDatabases s3:ListBuckets quicksight:DescribeDashboard s3:PutObject
        rds:StartExportTask sts:AssumeRole""",
    "pipeline": """s3:PutObject s3:GetObject ecr:GetAuthorizationToken ecr:BatchGetImage ecs:UpdateService
        lambda:UpdateFunctionCode20150331v2 cloudformation:DescribeStacks cloudformation:UpdateStack sts:AssumeRole
        iam:PassRole ssm:GetParameters secretsmanager:GetSecretValue codepipeline:StartPipelineExecution
        lambda:UpdateFunctionConfiguration20150331v2 ecs:RunTask iam:CreateRole iam:AttachRolePolicy""",
    "backup": """ec2:DescribeVolumes ec2:CreateSnapshot ec2:DescribeSnapshots rds:DescribeDBSnapshots s3:PutObject
        rds:CreateDBSnapshot ec2:DeleteSnapshot s3:GetObject s3:ListObjects ec2:ModifySnapshotAttribute""",
    "scanner": """ec2:DescribeInstances iam:ListUsers iam:GetAccountSummary s3:GetBucketPolicy iam:ListRoles
        ec2:DescribeSecurityGroups lambda:ListFunctions20150331 config:DescribeConfigRules iam:GetCredentialReport
        s3:ListBuckets cloudtrail:DescribeTrails ec2:DescribeSnapshots secretsmanager:ListSecrets
        ec2:DescribeInstanceAttribute""",
    "service": """s3:GetObject dynamodb:Query sqs:ReceiveMessage sqs:DeleteMessage dynamodb:PutItem s3:PutObject
        kms:Decrypt ssm:GetParameters secretsmanager:GetSecretValue s3:ListObjects sts:AssumeRole lambda:Invoke
        states:StartExecution s3:DeleteObject sts:GetCallerIdentity""",
    "fleet": """ssm:UpdateInstanceInformation ec2:DescribeInstances s3:GetObject ssm:GetParameters logs:CreateLogStream
        s3:ListObjects ec2:DescribeTags s3:ListBuckets sts:GetCallerIdentity s3:PutObject
        autoscaling:DescribeAutoScalingGroups""",
    "assistant": """s3:GetObject s3:ListObjects logs:FilterLogEvents athena:StartQueryExecution athena:GetQueryResults
        bedrock:InvokeModel ec2:DescribeInstances lambda:Invoke s3:PutObject ssm:GetParameters dynamodb:Query
        secretsmanager:GetSecretValue ssm:SendCommand""",
}
APPLICATION_JOBS: dict[str, str] = {
    "clerk": """invoice.list/list invoice.view/read ledger.view/read report.view/read vendor.search/list
        payment.create/write invoice.update/write report.export/export vendor.update/write
        payment.approve/approve_payment ledger.export/export""",
    "support": """ticket.list/list ticket.view/read customer.search/list customer.view/read ticket.update/write
        knowledge.search/list mail.send/write refund.create/write customer.export/export""",
    "seller": """account.list/list account.view/read deal.view/read deal.update/write mail.send/write file.search/list
        file.read/read contact.list/list file.share/manage_access account.export/export mail.rule.create/write""",
    "office": """mail.list/list mail.read/read file.search/list file.read/read calendar.view/read mail.send/write
        file.update/write file.share/manage_access chat.read/read employee.view/read file.delete/delete
        file.export/export mail.rule.create/write apikey.create/rotate_secret""",
    "administrator": """user.list/list user.view/read audit.search/list user.update/write admin.open/admin_console
        user.create/manage_access user.role.grant/manage_access user.mfa.reset/change_security_setting
        policy.update/change_security_setting apikey.create/rotate_secret user.delete/delete secret.read/read
        audit.export/export audit.disable/change_security_setting role.assume/assume_privilege""",
    "integration": """order.list/list order.view/read customer.view/read order.update/write queue.take/read
        file.read/read webhook.send/write customer.list/list report.create/write file.export/export
        secret.read/read token.refresh/authenticate""",
    "job": """job.start/invoke_workflow record.list/list record.view/read record.update/write file.read/read
        file.write/write report.create/write record.delete/delete report.export/export secret.read/read""",
    "microservice": """db.query/read cache.read/read queue.take/read db.update/write queue.put/write secret.read/read
        record.view/read service.call/execute_code config.view/read""",
    "copilot": """mail.search/list mail.read/read file.search/list file.read/read calendar.view/read
        calendar.update/write mail.draft/write mail.send/write web.fetch/read ticket.update/write code.run/execute_code
        workflow.start/invoke_workflow file.share/manage_access contact.list/list file.export/export""",
}
JOBS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "human": (("developer", "operator", "analyst"), ("office", "clerk", "support", "seller", "administrator")),
    "service_account": (("pipeline", "backup", "scanner"), ("integration", "job")),
    "workload": (("service", "fleet"), ("microservice", "integration")),
    "agent": (("assistant",), ("copilot",)),
}
"""By identity type: its jobs in the cloud, and its jobs in applications."""

APPLICATION_ATTACKS: dict[str, str] = {
    "credential-access": "secret.read/read secret.read/read apikey.create/rotate_secret",
    "discovery": "user.list/list file.search/list file.search/list",
    "persistence": "user.create/manage_access user.role.grant/manage_access mail.rule.create/write",
    "privilege-escalation": "role.assume/assume_privilege user.role.grant/manage_access",
    "defense-evasion": "audit.disable/change_security_setting",
    "execution": "code.run/execute_code workflow.start/invoke_workflow",
    "exfiltration": "file.read/read file.export/export customer.export/export file.share/manage_access",
    "lateral-movement": "role.assume/assume_privilege service.call/execute_code secret.read/read",
    "impact": "vendor.update/write payment.create/write payment.approve/approve_payment",
}
"""What attackers do in applications, by ATT&CK tactic (assumed: no recorded sequences are available)."""

BROWSERS: tuple[str, ...] = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 "
    "Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 Safari/537.36 "
    "Edg/{v}.0.0.0",
    "Mozilla/5.0 (X11; Linux x86_64; rv:{v}.0) Gecko/20100101 Firefox/{v}.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:{v}.0) Gecko/20100101 Firefox/{v}.0",
)
FRONT_ENDS: tuple[str, ...] = (
    "console.amazonaws.com",
    "AWS Internal",
    "signin.amazonaws.com",
    "console.ec2.amazonaws.com",
)
"""What a cloud records in place of the browser's user agent when its web console calls an API for a person."""
PHONES: tuple[str, ...] = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_{m} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.{m} "
    "Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 15; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 Mobile Safari/537.36",
)
TERMINALS: tuple[str, ...] = (
    "aws-cli/2.{m}.5 md/awscrt#0.20.9 ua/2.0 os/macos#24.1.0 md/arch#arm64 lang/python#3.11.8",
    "aws-cli/2.{m}.5 md/awscrt#0.20.9 ua/2.0 os/windows#10 md/arch#amd64 lang/python#3.11.8",
    "aws-cli/2.{m}.5 md/awscrt#0.20.9 ua/2.0 os/linux#6.8.0 md/arch#x86_64 lang/python#3.12.3",
    "Boto3/1.{m}.12 md/Botocore#1.{m}.12 ua/2.0 os/macos#24.1.0 md/arch#arm64 lang/python#3.12.4",
)
LIBRARIES: tuple[str, ...] = (
    "Boto3/1.{m}.12 md/Botocore#1.{m}.12 ua/2.0 os/linux#5.10.210 md/arch#x86_64 lang/python#3.11.8",
    "aws-sdk-java/2.{m}.31 Linux/5.10.210 OpenJDK_64-Bit_Server_VM/17.0.10 Java/17.0.10",
    "aws-sdk-go-v2/1.{m}.0 os/linux lang/go#1.22.1 md/GOOS#linux md/GOARCH#amd64",
    "aws-sdk-js/3.{m}.0 ua/2.0 os/linux#5.10.210 lang/js md/nodejs#20.11.1",
    "APN/1.0 HashiCorp/1.0 Terraform/1.{m}.0 aws-sdk-go-v2/1.25.2 os/linux lang/go#1.22.1",
    "python-requests/2.{m}.0",
    "Go-http-client/1.1",
    "okhttp/4.{m}.0",
    "python-httpx/0.{m}.0",
    "node-fetch/1.{m} (+https://github.com/bitinn/node-fetch)",
)
ATTACK_TOOLS: tuple[str, ...] = (
    *TERMINALS,
    *LIBRARIES[:1],
    "python-requests/2.{m}.0",
    "curl/8.{m}.0",
    "Go-http-client/1.1",
)
"""Clients of attackers who do not imitate anybody's."""

INTENTS: tuple[str, ...] = (
    "answer customer mail",
    "weekly report",
    "triage alerts",
    "plan meetings",
    "reconcile orders",
)

IMPACT_BY_CATEGORY: dict[str | None, tuple[str, bool]] = {
    **dict.fromkeys(("read", "list", "authenticate"), ("low", True)),
    **dict.fromkeys(("write", "export", "rotate_secret", "assume_privilege", "invoke_workflow"), ("medium", True)),
    **dict.fromkeys(("manage_access", "change_security_setting", "admin_console"), ("high", True)),
    **dict.fromkeys(("delete", "approve_payment", "execute_code"), ("high", False)),
    None: ("medium", True),
}
"""By category: the impact of an action, and whether it is reversible."""


_TAIL_SAMPLE = 30
"""One in so many AWS actions, in alphabetical order, belongs to the simulated long tail."""


@cache
def rare_cloud_actions() -> tuple[Step, ...]:
    """The long tail: a sample (one in `_TAIL_SAMPLE`) of all AWS reads, lists and writes, most of which few identities
    ever use."""
    names = sorted(access_levels())[::_TAIL_SAMPLE]
    return tuple(step for step in map(_parse_step, names) if step.category in ("read", "list", "write"))


@cache
def parse_steps(text: str) -> tuple[Step, ...]:
    """The actions of a text as steps: `service:Operation` (categorised as AWS does) or `name/category`.

    Raises ValueError for an unknown category.

    >>> parse_steps("s3:GetObject user.create/manage_access")[1].category
    'manage_access'
    """
    return tuple(_parse_step(word) for word in text.split())


def _parse_step(word: str) -> Step:
    name, _, category = word.partition("/")
    if category and category not in get_args(Category):
        raise ValueError(f"{word!r} has an unknown category; choose from {', '.join(get_args(Category))}")
    kind = name.split(":")[0] if ":" in name else name.split(".")[0]
    return Step(name, cast(Category, category) if category else category_of(name), kind)
