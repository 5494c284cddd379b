"""Who acts on a Linux host.

**Identity** is the user's name, the same person on every host; of an account that every host has (`root`, `ubuntu`, a
daemon's) the name with the host, `root@web-1`, since different people use it.

**Identity type.** An account that a package makes for a daemon, and one named for a program that deploys or backs up,
is a service account. Any other user is a person, also `root`.
"""

from __future__ import annotations

import re

from features.event.schema import IdentityType

_SHARED = """root admin administrator ubuntu debian centos rocky fedora ec2-user azureuser opc core vagrant pi user test
    guest oracle"""
_DAEMONS = """daemon bin sys sync games man lp mail news uucp proxy www-data backup list irc nobody systemd-network
    systemd-resolve systemd-timesync messagebus sshd syslog _apt postgres mysql mariadb redis mongodb nginx apache httpd
    tomcat jenkins gitlab gitlab-runner git docker zabbix nagios prometheus node_exporter grafana elasticsearch kafka
    rabbitmq postfix dovecot named bind ntp chrony polkitd tss sssd gdm lightdm avahi rtkit pulse puppet chef
    salt"""
_PROGRAMS = re.compile(
    r"^(svc|sa|srv|service|bot|ansible|terraform|deploy(er)?|rsync|backup|ci|runner)([-_.].*)?$|[-_.](svc|sa|bot)$"
)


def identity_of(user: str, host: str | None) -> tuple[str, IdentityType]:
    """The identity of a user of a host, and its type.

    >>> identity_of("ada", "web-1"), identity_of("root", "web-1")
    (('ada', 'human'), ('root@web-1', 'human'))
    >>> identity_of("svc-backup", "web-1")
    ('svc-backup', 'service_account')
    """
    is_daemon = user in _DAEMONS.split()
    name = f"{user}@{host}" if host and (user in _SHARED.split() or is_daemon) else user
    return name, "service_account" if is_daemon or _PROGRAMS.search(user.lower()) else "human"
