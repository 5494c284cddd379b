"""Sign-ins and changes of user on Linux: `/var/log/auth.log`, `/var/log/secure`, and the journal as JSON.

A line of syslog without a year is of the last year in which its time is not more than a day ahead of this machine's
clock; a time without an offset counts as UTC. `journalctl -o json` has exact times: prefer it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from features.event.schema import Event, IdentityType
from features.sources.formats.records import NobodyKnown, Record, RecordForm
from features.sources.linux.messages import read_message
from features.sources.linux.principal import identity_of
from features.sources.log_source import LogSource
from features.sources.mapping.log_map import Fields, LogMap, vendor_map
from features.sources.mapping.paths import value_at
from features.sources.mapping.values import text_value

_LINE = re.compile(
    r"(?:<\d+>)?(?:1 )?(?P<time>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*) "
    r"(?P<host>\S+) (?P<program>[^\s\[:]+)(?:\[(?P<pid>\d+)\])?: (?P<message>.*)",
    re.DOTALL,
)
_SIGN_IN_METHODS = {"password": ["pwd"], "publickey": ["swk"]}
"""RFC 8176 values; what PAM asked for is not logged."""


@cache
def _map() -> LogMap:
    return vendor_map(Path(__file__).with_suffix(".yaml"))


def parse_line(line: str) -> Record:
    """The parts of a line of syslog; raises ValueError for a line of another form."""
    match = _LINE.fullmatch(line.strip())
    if match is None:
        raise ValueError("is no line of syslog: expected a time, a host, a program and a message")
    return {**match.groupdict(), "time": _with_year(match["time"])}


def _with_year(text: str, now: datetime | None = None) -> str:
    if text[0].isdigit():
        return text
    now = now or datetime.now(UTC)
    for year in (now.year, now.year - 1, now.year - 2, now.year - 3, now.year - 4):
        try:
            time = datetime.strptime(f"{year} {text}", "%Y %b %d %H:%M:%S").replace(tzinfo=UTC)
        except ValueError:  # the 29th of February
            continue
        if time <= now + timedelta(days=1):
            return time.isoformat()
    raise ValueError(f"{text!r} is no time")


def _plain(record: Record) -> Record:
    """The same parts of an entry of the journal, whose message may be a list of bytes."""
    if "MESSAGE" not in record:
        return record
    message = record["MESSAGE"]
    if isinstance(message, list):
        message = bytes(byte for byte in message if isinstance(byte, int) and 0 <= byte < 256).decode(errors="replace")
    return {
        "__CURSOR": record.get("__CURSOR"),
        "time": record.get("_SOURCE_REALTIME_TIMESTAMP") or record.get("__REALTIME_TIMESTAMP"),
        "host": record.get("_HOSTNAME"),
        "program": record.get("SYSLOG_IDENTIFIER") or record.get("_COMM"),
        "pid": record.get("SYSLOG_PID") or record.get("_PID"),
        "message": message,
    }


def event_of(record: Record) -> Event:
    """The Event of a line or of an entry of the journal; raises NotAnEvent, or ValueError naming the problem."""
    parts = _plain(record)
    program, message = text_value(parts.get("program")), text_value(parts.get("message"))
    if program is None or message is None:
        raise ValueError("program or message is missing: this is no line of a Linux sign-in log")
    return _map().event_of(parts | {"program": program} | read_message(program.rpartition("/")[2], message), _rules)


def _rules(record: Record, fields: Fields) -> None:
    user, host = text_value(value_at(record, "user")), text_value(value_at(record, "host"))
    if user is None:
        raise NobodyKnown("an act of nobody in particular")
    fields["identity.id"], fields["identity.type"] = identity_of(user, host)
    if fields["action.name"] == "sshd:accepted":
        pid = text_value(value_at(record, "pid"))
        fields["session.id"] = f"{host}/{pid}@{fields['time']}" if pid else None
        fields["session.started_at"] = fields["authentication.time"] = fields["time"]
        in_hardware = str(value_at(record, "key")).upper().endswith("-SK")
        method = text_value(value_at(record, "method")) or ""
        fields["authentication.amr"] = ["hwk"] if in_hardware else _SIGN_IN_METHODS.get(method)


def identity_type(record: Record) -> IdentityType | None:
    """The type of who acts; None for nobody in particular."""
    try:
        return event_of(record).identity.type
    except ValueError:
        return None


def _recognises(record: Record) -> bool:
    parts = _plain(record)
    return isinstance(parts.get("program"), str) and isinstance(parts.get("message"), str)


SOURCE = LogSource(
    "linux",
    "Linux sign-ins (auth.log and the journal)",
    event_of,
    _recognises,
    identity_type,
    form=RecordForm(parse_line=parse_line),
)
