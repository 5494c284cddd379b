"""The calls that `docs/reference/http-api.md` shows: at least one for each route, in an order that works.

`scripts/docs --record` makes them against a running service and keeps command, status and answer in
`scripts/docgen/recorded/http.json`; a test makes them again and compares status and members.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

USUAL_URL = "http://127.0.0.1:3000"
"""Where a service listens unless told otherwise, and so in the documentation."""
STRONGEST = 3
"""How many contributions of an explanation are shown."""
NOW = "'$(date -u +%FT%TZ)'"
PRECISELY_NOW = "'$(date -u +%FT%T.%3NZ)'"
SECONDS = "'$(date +%s)'"
"""The present, inside a single-quoted shell word: as a time, with milliseconds, and as a number."""
Answer = Any


@dataclass(frozen=True)
class Example:
    """One call. `{decision}` in the command is the id of the decision that the first example made."""

    route: str
    title: str
    command: str
    shorten: Callable[[Answer], Answer] = lambda answer: answer


@dataclass(frozen=True)
class Recorded:
    """A call as it was made, with what was answered."""

    route: str
    title: str
    command: str
    status: int
    answer: Answer


def _curl(path: str, body: str = "", *, key: bool = True, form: str = "") -> str:
    parts = [f'curl -s "{USUAL_URL}{path}"']
    parts += ['-H "Authorization: Bearer $KEY"'] if key else []
    parts += [f'--data-urlencode "{pair}"' for pair in form.split("&") if pair]
    if body:
        parts += ["-H 'Content-Type: application/json'", f"-d '{body}'"]
    return " \\\n  ".join(parts)


_SIGN_IN = (
    f'COOKIES=$(mktemp); FORM=$(curl -s -c $COOKIES "{USUAL_URL}/investigate/login")\n'
    'TOKEN=$(grep -o \'form_token" value="[^"]*\' <<< "$FORM" | cut -d\'"\' -f3)\n'
    + _curl("/investigate/login", key=False, form="key=$KEY&form_token=$TOKEN")
    + " \\\n  -b $COOKIES"
)
_LOG_FILE = (
    'echo \'{"Records": [{"eventTime": "2026-03-02T09:06:00Z", "eventSource": "s3.amazonaws.com",\n'
    '    "eventName": "ListBuckets", '
    '"userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/lin"}},\n'
    '    {"eventTime": "0001-01-01T00:00:00Z"}]}\' | gzip |\n'
    + _curl("/events?source=cloudtrail")
    + " \\\n  -H 'Content-Type: application/gzip' --data-binary @-"
)


def shortened_decision(answer: Answer) -> Answer:
    """A decision with the strongest contributions and the first floors only."""
    explanation = answer["explanation"]
    contributions = sorted(explanation["contributions"], key=lambda each: -abs(each["contribution"]))
    rest = [f"and {len(contributions) - STRONGEST} more"] if len(contributions) > STRONGEST else []
    floors = [*answer["floors"][:2], *([f"and {len(answer['floors']) - 2} more"] if len(answer["floors"]) > 2 else [])]
    explanation = explanation | {"contributions": [*contributions[:STRONGEST], *rest]}
    return answer | {"floors": floors, "explanation": explanation}


def _shortened_record(record: Answer) -> Answer:
    body = record.get("body", record)
    kept = {**body, "answer": "as POST /score answered it", "features": dict([*body["features"].items()][:3])}
    kept["features"]["…"] = f"and {len(body['features']) - 3} more"
    return record | {"body": kept} if "body" in record else kept


def _first(count: int, member: str) -> Callable[[Answer], Answer]:
    def shorten(answer: Answer) -> Answer:
        more = len(answer[member]) - count
        return answer | {member: [*answer[member][:count], *([f"and {more} more"] if more > 0 else [])]}

    return shorten


def _policy(answer: Answer) -> Answer:
    policy = answer["policy"]
    return answer | {
        "policy": {"version": policy["version"], "…": f"{len(policy) - 1} more keys, as in the policy file"}
    }


def _lines(count: int) -> Callable[[Answer], Answer]:
    def shorten(text: Answer) -> Answer:
        lines = str(text).strip().splitlines()
        return "\n".join([*lines[:count], *([f"… {len(lines) - count} more lines"] if len(lines) > count else [])])

    return shorten


def _page(html: Answer) -> Answer:
    title = re.search(r"<title>(.*?)</title>", str(html), re.DOTALL)
    return f"<!doctype html> … <title>{title[1].strip() if title else ''}</title> …"


def _start(text: Answer) -> Answer:
    return f"{str(text)[:60]}…"


def _top(answer: Answer) -> Answer:
    return {name: value if isinstance(value, str) else "…" for name, value in answer.items()}


ADA = (
    f'{{"event": {{"id": "export-{SECONDS}", "time": "{NOW}", "identity": {{"id": "ada", "type": "human"}},\n'
    '    "action": {"name": "crm:ExportContacts", "category": "export"},\n'
    '    "resource": {"sensitivity": "confidential"}}}'
)
SHIPPED = (
    '[{"time": "2026-03-02T09:00:00Z", "identity": {"id": "lin", "type": "human"},\n'
    '    "action": {"name": "files:Get", "category": "read", "outcome": "success"}}]'
)
NATIVE = (
    '[{"eventVersion": "1.08", "eventTime": "2026-03-02T09:05:00Z", "eventSource": "s3.amazonaws.com",\n'
    '    "eventName": "ListBuckets", "awsRegion": "eu-west-1", "sourceIPAddress": "198.51.100.9",\n'
    '    "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/lin"}}]'
)
PROOF = (
    '{"decision_id": "{decision}", "identity": "ada", "result": "completed",\n'
    f'    "proof": {{"made_at": "{PRECISELY_NOW}", "aal": 2, "amr": ["pwd", "otp"]}}}}'
)
EXAMPLES: tuple[Example, ...] = (
    Example("POST /score", "Ada exports contacts", _curl("/score", ADA), shortened_decision),
    Example("POST /step-ups", "Ada has signed in again", _curl("/step-ups", PROOF)),
    Example("POST /events", "Events in our form", _curl("/events", SHIPPED)),
    Example("POST /events", "A vendor's records", _curl("/events?source=cloudtrail", NATIVE)),
    Example("POST /events", "A log file as it is, compressed; one record of it is broken", _LOG_FILE),
    Example(
        "GET /decisions", "The newest decisions about Ada", _curl("/decisions?identity=ada"), _first(2, "decisions")
    ),
    Example("GET /decisions/{id}", "One decision", _curl("/decisions/{decision}"), _shortened_record),
    Example(
        "POST /decisions/{id}/feedback",
        "A verdict",
        _curl("/decisions/{decision}/feedback", '{"verdict": "owner", "note": "Ada confirmed it"}'),
    ),
    Example("GET /feedback", "The verdicts, one a line", _curl("/feedback"), _lines(3)),
    Example("GET /findings", "What operators should look at", _curl("/findings"), _first(2, "findings")),
    Example(
        "POST /revocations",
        "A stolen identity",
        _curl("/revocations", '{"identity": "mallory", "reason": "reported stolen"}'),
    ),
    Example(
        "POST /revocations/lift",
        "It was a false alarm",
        _curl("/revocations/lift", '{"identity": "Mallory", "reason": "the laptop was found"}'),
    ),
    Example("GET /policy", "The active policy", _curl("/policy"), _policy),
    Example("GET /model", "The active model", _curl("/model")),
    Example("GET /metrics", "Prometheus metrics", _curl("/metrics"), _lines(6)),
    Example("GET /livez", "Is the process alive?", _curl("/livez", key=False)),
    Example("GET /readyz", "Is a model loaded?", _curl("/readyz", key=False)),
    Example("GET /investigate", "The search page", _curl("/investigate"), _page),
    Example("GET /investigate/decisions/{id}", "A decision's page", _curl("/investigate/decisions/{decision}"), _page),
    Example(
        "POST /investigate/decisions/{id}/feedback",
        "The form on a decision's page",
        _curl("/investigate/decisions/{decision}/feedback", form="verdict=owner&note=Ada confirmed it"),
    ),
    Example("GET /investigate/policy", "The policy page", _curl("/investigate/policy"), _page),
    Example("GET /investigate/login", "The sign-in form", _curl("/investigate/login", key=False), _page),
    Example("POST /investigate/login", "Signing in", _SIGN_IN, _page),
    Example("POST /investigate/logout", "Signing out", _curl("/investigate/logout", form="form_token=")),
    Example("GET /", "What a browser is led to", _curl("/", key=False)),
    Example("GET /docs", "The API in a browser", _curl("/docs", key=False), _page),
    Example("GET /docs/{file}", "Its style", _curl("/docs/swagger-ui.css", key=False), _start),
    Example("GET /docs.json", "The OpenAPI document", _curl("/docs.json", key=False), _top),
)
PROBLEMS: tuple[Example, ...] = (
    Example("problem", "No key", _curl("/decisions", key=False)),
    Example("problem", "A field that is wrong", _curl("/score", '{"event": {"time": "yesterday"}}')),
    Example("problem", "Nothing there", _curl("/decisions/none")),
)


def perform(url: str, key_file: Path, examples: tuple[Example, ...]) -> Iterator[Recorded]:
    """Make the calls in their order; what is kept shows the usual address and the decision's own id."""
    decision = ""
    for example in examples:
        command = example.command.replace("{decision}", decision)
        status, answer = _called(command.replace(USUAL_URL, url), key_file)
        if example.route == "POST /score" and not decision:
            decision = answer["decision_id"]
        shown = example.shorten(answer) if status == HTTPStatus.OK else answer
        yield Recorded(example.route, example.title, command, status, shown)


def _called(command: str, key_file: Path) -> tuple[int, Answer]:
    script = f"KEY=$(cat '{key_file}')\n{command} -w '\\n%{{http_code}}'"
    text = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout
    body, _, status = text.rpartition("\n")
    try:
        return int(status), json.loads(body)
    except ValueError:
        return int(status), body
