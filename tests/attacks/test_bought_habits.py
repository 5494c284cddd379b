"""The attacker's aim: an export from a new network, device and client, after volume has made them a habit.

Defends against the subject of a stolen session, and of a log that it writes into. The model of this server distrusts a
network that is rare for the identity: after a dozen requests it no longer is, and the model alone would allow.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from support.live_server import Server, an_event, new_home, now, served, settings_of
from support.small_champion import rare_network, register, small_model
from support.step_ups import report_completed

from serving.policy.schema import BUILT_IN

HOME = {"ip": "203.0.113.7", "asn": 64496, "country": "DE"}
AWAY = {"ip": "198.51.100.9", "asn": 64499, "country": "DE"}
"""In the same country: from another one, nobody could have travelled so fast."""
LAPTOP = {"id": "laptop", "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0"}
FOREIGN = {"id": "foreign", "user_agent": "curl/8.4.0"}
THRESHOLDS = tuple(
    (
        f"{kind}: {{public: {{budget: 0.0005}}, internal: {{budget: 0.001}}",
        f"{kind}: {{public: {{trust: 0.0001}}, internal: {{trust: 0.5}}",
    )
    for kind in ("human", "workload")
)
"""Reads of what is public are allowed at any trust, which is what makes the attack possible."""
STRICTNESS = {"allow": 0, "step_up": 1, "deny": 2}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose model forgets what is new within a dozen requests."""
    home = new_home(tmp_path_factory.mktemp("habits") / "home", champion=False)
    register(small_model(malicious_rows=rare_network), settings_of(home))
    text = BUILT_IN.read_text()
    for old, new in THRESHOLDS:
        assert old in text
        text = text.replace(old, new)
    text = text.replace("deny_below: {human: 0.02,", "deny_below: {human: 0.0001,")
    (home / "policy.yaml").write_text(text)
    with served(home, SESSION_TRUST_POLICY=str(home / "policy.yaml")) as server:
        yield server


def a_request(
    identity: str, *, away: bool = False, export: bool = False, at: datetime | None = None, **groups: Any
) -> dict[str, Any]:
    """A read of what is public, or an export of what is internal; from home, or from where the attacker is."""
    event = an_event(identity, network=AWAY if away else HOME, device=FOREIGN if away else LAPTOP)
    event["action"] |= {"name": "files:Export" if export else "files:Get", "category": "export" if export else "read"}
    event["resource"] |= {"sensitivity": "internal" if export else "public"}
    event["time"] = (at or now()).isoformat()
    for name, values in groups.items():
        event[name] = event[name] | values
    return event


def without(event: dict[str, Any], *groups: str) -> dict[str, Any]:
    """The event as a gateway passes it on that lost these groups."""
    if "network" in groups:
        event["network"] = {}
    for group, name in (("device", "id"), ("client", "user_agent")):
        if group in groups:
            event["device"].pop(name, None)
    return event


def shipped(event: dict[str, Any], at: datetime) -> dict[str, Any]:
    """The event as a log has it: with its outcome, at this time."""
    return event | {"time": at.isoformat(), "action": event["action"] | {"outcome": "success"}}


def live_at_home(server: Server, identity: str) -> None:
    """Ten days of work at home, which an operator imports, and of which the home is known."""
    days = [now() - timedelta(days=10 - day / 4) for day in range(40)]
    status, answer = server.post("/events", [shipped(a_request(identity), at) for at in days])
    assert (status, answer["folded"]) == (200, 40)


@pytest.fixture(scope="module")
def at_once(server: Server) -> dict[str, Any]:
    """The plain attack: the export is the first request from there."""
    live_at_home(server, "plain")
    return server.score(a_request("plain", away=True, export=True))


def test_home_is_known_and_the_plain_attack_is_challenged(server: Server, at_once: dict[str, Any]) -> None:
    """An imported history of several days makes a home; nothing there is new, and nothing is asked."""
    live_at_home(server, "homely")
    at_home = server.score(a_request("homely", export=True))

    assert (at_home["ruling"], at_home["trust"]["lowest"]) == ("allow", None)
    assert at_once["ruling"] == "step_up"
    assert at_once["trust"]["lowest"]["new"] == ["network", "device", "client"]


@pytest.mark.parametrize("reads", [5, 20, 60, 200])
def test_reads_before_an_export_buy_nothing(server: Server, at_once: dict[str, Any], reads: int) -> None:
    """The model comes to trust what it has seen often; the lowest trust there is what counts."""
    identity = f"flooded {reads}"
    live_at_home(server, identity)
    flood = [server.score(a_request(identity, away=True)) for _ in range(reads)]
    export = server.score(a_request(identity, away=True, export=True))
    lowest = export["trust"]["lowest"]

    assert {decision["ruling"] for decision in flood} == {"allow"}
    assert export["ruling"] == at_once["ruling"] == "step_up"
    assert export["trust"]["counted"] == pytest.approx(lowest["trust"], rel=1e-12)
    assert lowest["trust"] <= flood[0]["trust"]["now"]
    assert lowest["trust"] <= at_once["trust"]["counted"] + 0.02
    assert "more requests do not raise it" in lowest["sentence"]
    if reads >= 20:
        assert export["trust"]["now"] > export["threshold"]
        assert (lowest["ruled"], export["because"]) == (True, ["the model"])


def test_several_sessions_buy_no_more_than_one(server: Server, at_once: dict[str, Any]) -> None:
    """The lowest trust is that of the identity there, whichever session it was."""
    live_at_home(server, "many sessions")
    for number in range(30):
        server.score(a_request("many sessions", away=True, session={"id": f"s{number}"}))
    export = server.score(a_request("many sessions", away=True, export=True, session={"id": "another"}))

    assert export["trust"]["now"] > export["threshold"]
    assert export["ruling"] == at_once["ruling"]


@pytest.mark.parametrize("hidden", [("network",), ("device",), ("client",), ("network", "device", "client")])
def test_hiding_after_a_flood_buys_nothing(server: Server, at_once: dict[str, Any], hidden: tuple[str, ...]) -> None:
    """In the session of the flood and in a new one, though the key habitually sends what is hidden, or does not."""
    for habitual in (True, False):
        identity, key = f"hiding {hidden} {habitual}", server.key("score", "assure")
        live_at_home(server, identity)
        if habitual:
            for _ in range(25):
                server.score(a_request(identity), key)
        for _ in range(30 if habitual else 15):
            server.score(a_request(identity, away=True), key)
        export = server.score(without(a_request(identity, away=True, export=True), *hidden), key)

        assert bool(export["context"]["withheld"]) == habitual
        assert STRICTNESS[export["ruling"]] >= STRICTNESS[at_once["ruling"]]


@pytest.mark.parametrize("reads", [0, 60])
def test_hiding_all_the_while_buys_nothing(server: Server, reads: int) -> None:
    """What is withheld from the first request on is new as well, in that session and in the next."""
    identity, key = f"hidden {reads}", server.key("score", "assure")
    live_at_home(server, identity)
    for _ in range(25):
        server.score(a_request(identity), key)
    for _ in range(reads):
        server.score(without(a_request(identity, session={"id": "s2"}), "network", "device", "client"), key)
    event = a_request(identity, export=True, session={"id": "s2" if reads else "s3"})
    export = server.score(without(event, "network", "device", "client"), key)

    assert export["ruling"] == "step_up"
    assert "withheld" in export["trust"]["lowest"]["new"]


def test_an_export_that_is_called_an_unknown_sign_in_buys_nothing(server: Server, at_once: dict[str, Any]) -> None:
    """A name that says nothing is at least a write, whatever it is declared as; so the lowest trust counts."""
    live_at_home(server, "renamer")
    for _ in range(60):
        server.score(a_request("renamer", away=True))
    action = {"name": "frobnicate", "category": "authenticate", "outcome": "success"}
    renamed = server.score(a_request("renamer", away=True, export=True, action=action))

    assert renamed["action"]["category"] == "write"
    assert renamed["trust"]["now"] > renamed["threshold"]
    assert STRICTNESS[renamed["ruling"]] >= STRICTNESS[at_once["ruling"]]


@pytest.mark.parametrize("knows", ["network", "network and device"])
def test_a_proof_settles_only_what_it_knows(server: Server, knows: str) -> None:
    """A sign-in that the identity provider reported without a device says nothing of the device that carries it, where
    nobody knows yet what this key habitually sends."""
    identity, key = f"signed in on a {knows}", server.key("score", "events", "assure")
    event, challenge = prompted(server, identity)
    made_at = now().isoformat()
    sign_in = without(a_request(identity, away=True), *(("device", "client") if knows == "network" else ("client",)))
    sign_in["action"] = {"name": "idp:SignIn", "category": "authenticate", "outcome": "success"}
    sign_in["authentication"] = {"amr": ["pwd", "hwk"], "time": made_at}
    status, _ = server.post("/events", [sign_in], key)
    later = server.score(event | {"authentication": sign_in["authentication"]}, key)
    elsewhere = server.score(a_request(identity, away=True, export=True, session={"id": "tomorrow"}))

    assert (challenge["ruling"], status, later["ruling"]) == ("step_up", 200, "allow")
    assert elsewhere["trust"]["lowest"]["new"] == (["device", "client"] if knows == "network" else ["client"])


def test_an_earlier_sign_in_that_is_reported_later_settles_only_what_it_knows(server: Server) -> None:
    """It answers the floor by its age; of the device that asks it says nothing, so that stays new."""
    identity, key = "signed in before", server.key("score", "events", "assure")
    live_at_home(server, identity)
    made_at = now().isoformat()
    sign_in = without(a_request(identity), "device", "client")
    sign_in["action"] = {"name": "idp:SignIn", "category": "authenticate", "outcome": "success"}
    sign_in["authentication"] = {"amr": ["pwd", "hwk"], "time": made_at}
    server.post("/events", [sign_in], key)
    rotate = {"name": "iam:CreateAccessKey", "category": "rotate_secret"}
    challenge = server.score(a_request(identity, device=FOREIGN, action=rotate), key)
    proof = {"made_at": made_at, "kind": "interactive_mfa", "amr": ["pwd", "hwk"]}
    status, problem = report_completed(server, challenge, identity, proof=proof)
    later = server.score(a_request(identity, device=FOREIGN, export=True, session={"id": "tomorrow"}), key)

    assert challenge["because"] == ["floor rotate-secret"]
    assert status == 200, problem
    assert later["trust"]["lowest"]["new"] == ["device", "client"]


@pytest.mark.parametrize("days", [0, 1, 40])
def test_backdated_events_buy_nothing(server: Server, at_once: dict[str, Any], days: int) -> None:
    """Through a key that only ships events: they age by arrival, however old they say they are."""
    identity, key = f"backdated {days}", server.key("events", "network")
    live_at_home(server, identity)
    times = [now() - timedelta(days=days * number / 40, seconds=number) for number in range(40, 0, -1)]
    status, _ = server.post("/events", [shipped(a_request(identity, away=True), at) for at in times], key)
    export = server.score(a_request(identity, away=True, export=True))

    assert status == 200
    assert export["ruling"] == at_once["ruling"]
    assert export["trust"]["counted"] <= export["threshold"]


def test_an_operator_imports_events_with_their_age(server: Server) -> None:
    """Scope admin: then three different days make what they used known."""
    live_at_home(server, "imported")
    times = [now() - timedelta(days=5 - number / 8) for number in range(40)]
    server.post("/events", [shipped(a_request("imported", away=True), at) for at in times])
    export = server.score(a_request("imported", away=True, export=True))

    assert (export["ruling"], export["trust"]["lowest"]) == ("allow", None)


def prompted(server: Server, identity: str, session: str = "s1") -> tuple[dict[str, Any], dict[str, Any]]:
    """A flood and the export that is challenged: the event, and the challenge."""
    live_at_home(server, identity)
    for _ in range(30):
        server.score(a_request(identity, away=True, session={"id": session}))
    event = a_request(identity, away=True, export=True, session={"id": session})
    return event, server.score(event)


def test_a_new_laptop_needs_one_proof(server: Server) -> None:
    """After it neither this nor another session is asked again for what is new there."""
    event, challenge = prompted(server, "new laptop")
    status, _ = report_completed(server, challenge, "new laptop")
    again = server.score(event)
    elsewhere = server.score(a_request("new laptop", away=True, export=True, session={"id": "tomorrow"}))

    assert (challenge["ruling"], status) == ("step_up", 200)
    assert [(each["ruling"], each["trust"]["lowest"]) for each in (again, elsewhere)] == [("allow", None)] * 2


def test_a_sign_in_that_the_request_carries_is_a_proof(server: Server) -> None:
    """Once a challenge was made: as with a caller that sends people to sign in, and asks again."""
    event, challenge = prompted(server, "claimant", "s2")
    allowed = server.score(event | {"authentication": {"amr": ["pwd", "hwk"], "time": now().isoformat()}})
    later = server.score(a_request("claimant", away=True, export=True, session={"id": "tomorrow"}))

    assert (challenge["ruling"], allowed["ruling"]) == ("step_up", "allow")
    assert (later["ruling"], later["trust"]["lowest"]) == ("allow", None)


def test_a_proof_that_is_taken_back_settles_nothing(server: Server) -> None:
    """`failed` after `completed`: what was settled is new again, with the trust it had."""
    event, challenge = prompted(server, "taken back")
    report_completed(server, challenge, "taken back")
    failed = {"decision_id": challenge["decision_id"], "identity": "taken back", "session": "s1", "result": "failed"}
    server.post("/step-ups", failed)
    again = server.score(event)

    assert (again["ruling"], again["trust"]["lowest"]["trust"]) == ("step_up", challenge["trust"]["lowest"]["trust"])


@pytest.mark.parametrize(
    ("amr", "scopes", "settles"),
    [
        (["pwd", "hwk"], ("events", "assure"), True),
        (["pwd"], ("events", "assure"), False),
        (["pwd", "hwk"], ("events", "network"), False),
    ],
)
def test_a_reported_sign_in_with_strong_factors_is_a_proof(
    server: Server, amr: list[str], scopes: tuple[str, ...], settles: bool
) -> None:
    """Of a key that may assert facts about authentication, and of no other."""
    identity = f"signed in {amr} {scopes}"
    prompted(server, identity)
    sign_in = a_request(identity, away=True, authentication={"amr": amr, "time": now().isoformat(), "aal": None})
    sign_in["action"] = {"name": "idp:SignIn", "category": "authenticate", "outcome": "success"}
    server.post("/events", [sign_in], server.key(*scopes))
    export = server.score(a_request(identity, away=True, export=True))

    assert (export["trust"]["lowest"] is None) == settles
    assert export["ruling"] == ("allow" if settles else "step_up")


START = datetime.fromisoformat("2026-03-02T09:00:00+00:00")


def replayed(server: Server, event: dict[str, Any], hours: float) -> dict[str, Any]:
    """The decision on a request of the past that succeeded, so many hours after START, in a session that just began."""
    at = START + timedelta(hours=hours)
    event["session"] = {"id": f"session {hours}", "started_at": (at - timedelta(minutes=5)).isoformat()}
    event["authentication"]["time"] = (at - timedelta(minutes=5)).isoformat()
    return server.score(shipped(event, at), mode="replay", space="bought-habits")


VISITS: dict[str, tuple[list[float], str, str]] = {
    "three days": ([0, 24, 48], "public", "allow"),
    "two days": ([0, 24], "public", "step_up"),
    "around two midnights": ([14.9, 15.1, 38.8, 38.9], "public", "step_up"),
    "three days that habit allowed": ([24, 48, 72], "internal", "step_up"),
}
"""Hours after the first visit, what was read on each, and how the export is answered after them. What is internal is
read once a flood of public reads has made the place a habit: by the lowest trust there it would not be allowed."""


@pytest.mark.parametrize("visits", VISITS)
def test_three_allowed_days_end_it(server: Server, visits: str) -> None:
    """Without any proof: three uses at least 24 hours apart, each allowed at a trust that the lowest there has as well.
    Two days do not end it, however many requests were made on them, nor do two calendar days an hour apart."""
    identity, (hours, sensitivity, ruling) = f"patient {visits}", VISITS[visits]
    for number in range(40):
        replayed(server, a_request(identity), 6 * number)
    for number in range(30 if sensitivity == "internal" else 0):
        replayed(server, a_request(identity, away=True), 240 + number / 600)
    for number in range(30):
        visit = a_request(identity, away=True, resource={"sensitivity": sensitivity})
        made = replayed(server, visit, 240 + hours[number % len(hours)] + number / 600)
        assert made["ruling"] == "allow"
    export = replayed(server, a_request(identity, away=True, export=True), 240 + 100)

    assert export["trust"]["now"] > export["threshold"]
    assert export["ruling"] == ruling


@pytest.mark.parametrize("attested", [True, False])
def test_a_runner_with_fresh_addresses_is_not_new_while_it_is_attested(server: Server, attested: bool) -> None:
    """Every two hours another address and instance: known by its credential, not by where it runs.
    Its client still counts until it was allowed on three days."""
    new = []
    for hour in range(0, 80, 2):
        at = START + timedelta(hours=hour)
        event = a_request(f"runner {attested}", network={"ip": f"198.51.{hour}.1", "asn": 64500 + hour})
        event["identity"]["type"] = "workload"
        event["device"] = {"id": f"runner-{hour}", "user_agent": "aws-cli/2.15.30 Python/3.11.8 Linux/5.10"}
        event["credential"] = {"id": "svid", "kind": "x509_svid"}
        if attested:
            event["credential"]["attested_at"] = (at - timedelta(minutes=1)).isoformat()
        new.append((replayed(server, event, hour)["trust"]["lowest"] or {"new": []})["new"])

    assert new[0] == (["client"] if attested else ["network", "device", "client"])
    assert new[-1] == ([] if attested else ["network", "device"])
