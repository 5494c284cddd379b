"""Requests of ordinary clients that public bug reports describe: none of them is challenged for its client.

The requests are invented, with addresses of documentation ranges; the numbers are those of their files.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from support.live_server import Server

CASES = Path(__file__).parent / "cases"


def decisions(server: Server, number: int) -> list[dict[str, Any]]:
    """The answers to the steps of a case."""
    steps = json.loads(next(CASES.glob(f"{number}-*.json")).read_text())["steps"]
    answers = [server.post(step["post"], step["body"]) for step in steps]
    assert {status for status, _ in answers} == {200}
    return [answer for _, answer in answers]


def applied(decision: dict[str, Any]) -> set[str]:
    """The floors that applied."""
    return {floor["id"] for floor in decision["floors"] if floor["status"] == "applied"}


def test_an_agent_on_a_windows_server_is_no_person(small: Server) -> None:
    """Case 37: its operating system is no sign of a person."""
    assert not any("person-on-service-account" in applied(decision) for decision in decisions(small, 37))


def test_a_browsers_update_and_another_address_of_the_same_place_are_no_alarm(small: Server) -> None:
    """Case 46: no floor asks for a proof; what the model says is the shipped model's."""
    assert [applied(decision) for decision in decisions(small, 46)] == [set()] * 5
