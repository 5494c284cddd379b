"""The words that names of actions are read by: verbs that view, change or run, and nouns of what does harm."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LIST = _words("list describe search lookup enumerate browse index scan find ls")
READ = _words(
    """get read view show head fetch query check count select preview test verify validate peek inspect options status
    display observe watch retrieve load open monitor reveal
    accessed"""
)
VIEW = LIST | READ
DELETE = _words("delete remove destroy purge drop terminate erase deregister wipe truncate unlink rm trash")
CHANGE = _words(
    """write put post patch set update modify change edit create make add insert register enable disable start stop
    restart attach detach associate disassociate assign unassign grant revoke allow deny block unblock rotate reset
    renew regenerate generate issue import upload replace suspend pause resume cancel approve authorize confirm
    submit send
    activate deactivate reactivate lock unlock turn bypass override transfer share unshare invite promote demote elevate
    link bind unbind join leave publish deploy install uninstall configure apply save move rename copy merge schedule
    escalate skip ignore exempt mute silence quarantine restore reject accept consent toggle switch downgrade clear"""
)
EXPORT = _words("export download dump extract takeout unload exfiltrate")
ASSUME = _words("assume impersonate impersonation masquerade sudo su elevate become actas runas")
CHANGING = CHANGE | DELETE | EXPORT | ASSUME | _words("pay refund withdraw purchase disburse remit exec execute")
NOUNS_AS_WELL = EXPORT | _words(
    """impersonation import grant purchase share transfer release merge copy move schedule issue upload refund
    run call trigger start post"""
)
"""Changes that are nouns as well: behind a view they name what is viewed (`GetExportJob`)."""
RUN = _words("run execute exec invoke call trigger start launch dispatch submit eval")

SECRETS = _words(
    """secret secrets password passwords passwd passphrase credential credentials token tokens apikey apikeys accesskey
    accesskeys keypair keypairs privatekey sshkey sshkeys pat passcode certificatesigningrequest
    certificatesigningrequests"""
)
KEY_OF = _words(
    "access api ssh signing service account private encryption recovery host deploy gpg pgp master kms hmac sas"
)
KEY_VERBS = _words(
    "create rotate regenerate generate reset revoke issue renew import upload disable enable activate deactivate"
)
ACCESS = _words(
    """role roles policy policies permission permissions privilege privileges acl acls member members membership
    memberships collaborator collaborators entitlement entitlements rolebinding rolebindings clusterrole
    clusterroles clusterrolebinding clusterrolebindings grant
    grants consent delegation impersonator admin admins administrator administrators owner owners superuser sudoers
    oauthclient principal principals serviceaccount serviceaccounts clusteradmin"""
)
ACCOUNTS = _words("user users principal principals serviceaccount serviceaccounts")
OPENING = _words("create add invite enable activate reactivate unlock register provision post new")
GRANTING = _words("grant revoke assign unassign promote demote")
SECURITY = _words(
    """mfa totp webauthn authenticator factor factors firewall waf guardrail guardrails audit auditing auditlog
    trail cloudtrail logging siem alarm alarms detector guardduty encryption sso saml oidc idp federation
    antivirus defender
    edr dlp retention allowlist whitelist blocklist blacklist denylist securitygroup securitygroups nsg sslpolicy tls
    protection protected quarantine captcha lockout threat"""
)
OFF = _words("disable remove delete deactivate reset bypass skip turn")
SECURITY_PAIRS = (("security", "group"), ("security", "setting"), ("network", "acl"), ("conditional", "access"))
MONEY = _words(
    "payment payments payout payouts remittance wire withdrawal withdrawals refund refunds disbursement iban"
)
PAY = _words("pay refund withdraw purchase disburse remit")
FUNDS = _words("fund funds money bank cash")
MOVE = _words("transfer send move release")
CODE = _words(
    """command commands script scripts code shell terminal console sql snippet notebook cell pod container bash
    powershell python javascript"""
)
WORKFLOWS = _words(
    """workflow workflows pipeline pipelines job jobs build builds deployment function lambda playbook automation task
    tasks runbook dag functions lambdas"""
)
SIGN_IN = _words("login logon signin authenticate authentication logout logoff signout")
CONSOLES = _words("console panel portal dashboard")

PHRASES = {
    "assume_privilege": """act as|login as|logon as|log in as|sign in as|signin as|run as|view as user|switch user|
        on behalf|sign jwt|sign blob|get access token|generate access token|mint access token|fetch access token|
        get openid token|get open id token|generate id token|get federation token|get role credentials|
        implicit delegation|golden ticket|silver ticket|pass the hash|pass hash|dc shadow|dc sync|lsa dump|sam dump|
        lsass dump|ntds dit|replicating directory changes|replication get changes|get nc changes""",
    "execute_code": """pods attach|pod attach|pods portforward|pods proxy|nodes proxy|services proxy|
        pods ephemeralcontainers|node shell|serial console""",
}
"""Words that say it all where they stand side by side, whatever stands before them."""
ALONE = {
    "assume_privilege": """loginas dcshadow dcsync mimikatz kerberoast kerberoasting asreproast secretsdump hashdump
        lsadump sekurlsa lsass ntds""",
    "execute_code": "portforward ephemeralcontainers psexec meterpreter",
}
"""The same of single words: what attackers' tools do, and ways into a running container."""
REVEALING = _words("reveal unmask decrypt unseal unwrap")
"""Views of a secret that show its value."""
HANDED_OUT = SECRETS | _words("key keys sas url xml publishxml access")
"""What an operation that is named `listKeys/action` or `getSecret/action` answers with."""
REPOSITORIES = _words("repo repos repository repositories git")
FETCHES = _words("download clone pull fetch")
"""What people do with the code they work on, all day long."""
SENT_TO_SIGN_IN = _words("post put submit send start confirm accept refresh verify check")
"""Changes that a sign-in may be named with."""
