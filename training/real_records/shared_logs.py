"""Real logs that are read where they lie: their licences let us measure with them, not pass them on.

A folder, named by whoever has them, holds `unix_commands/` (the UNIX User Data of Purdue University and UCI: what eight
people typed) and `lanl_auth_sample/` (logons of one enterprise, Los Alamos National Laboratory 2015).
"""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd

from training.real_records.masquerades import BEGINNING, DAY, GAP, Protocol, RecordedSession, UserSessions

SHELLS = "unix_commands"
LOGONS = "lanl_auth_sample"
AGENT_RUNS = Path("agentdojo") / "dev_workspace.jsonl.gz"
AIRLINE_RUNS = Path("tau_bench") / "gpt-4o-airline.json.gz"
"""Files and folders within the folder of logs."""
SHELL_PROTOCOL = Protocol(share=0.08)
LOGON_PROTOCOL = Protocol(share=0.1, start=0.4, shortest=3, through_victim=0.5)
COMMANDS, COMMANDS_A_SESSION = 6_000, 50
LOGONS_AT_LEAST, LOGONS_AT_MOST, LOGONS_A_SESSION = 24, 240, 6
NO_PERSON = r"\$@|ANONYMOUS|SYSTEM|LOCAL"
"""Accounts of machines and of systems."""


def shell_sessions(folder: Path, rng: np.random.Generator) -> UserSessions:
    """The commands of each of eight people in blocks of 50, three a day, with drawn pauses.

    Raises FileNotFoundError if the folder holds none.
    """
    files = sorted((folder / SHELLS).glob("USER*.gz"))
    if not files:
        raise FileNotFoundError(f"{folder / SHELLS} holds no USER*.gz: name the folder that holds {SHELLS}/")
    return {f"u{number}": _shell_sessions(file, number, rng) for number, file in enumerate(files, start=1)}


def _shell_sessions(file: Path, number: int, rng: np.random.Generator) -> list[RecordedSession]:
    text = gzip.decompress(file.read_bytes()).decode(errors="replace")
    commands = [line.strip() for line in text.split("\n") if line.strip()][:COMMANDS]
    starts = range(0, len(commands) // COMMANDS_A_SESSION * COMMANDS_A_SESSION, COMMANDS_A_SESSION)
    return [
        RecordedSession(
            BEGINNING + place * DAY // 3 + number * DAY // 144,
            [
                {"action.name": f"sh:{command[:80]}", "action.outcome": "success", GAP: float(np.exp(rng.normal(2, 1)))}
                for command in commands[start : start + COMMANDS_A_SESSION]
            ],
        )
        for place, start in enumerate(starts)
    ]


def logon_sessions(folder: Path) -> UserSessions:
    """The logons of each person with at least 24, at most 240 of them, in blocks of six, four a day.

    Raises FileNotFoundError if the folder holds none.
    """
    files = sorted((folder / LOGONS).glob("*.csv.gz"))
    if not files:
        raise FileNotFoundError(f"{folder / LOGONS} holds no *.csv.gz: name the folder that holds {LOGONS}/")
    logons = pd.read_csv(files[0])
    people = logons[~logons["src_user_domain"].str.contains(NO_PERSON)]
    return {
        str(user): _logon_sessions(rows.sort_values("time_s", kind="stable"))
        for user, rows in people.groupby("src_user_domain")
        if len(rows) >= LOGONS_AT_LEAST
    }


def _logon_sessions(rows: pd.DataFrame) -> list[RecordedSession]:
    kind = "auth:" + rows["auth_type"] + "/" + rows["logon_type"] + "/" + rows["auth_orientation"]
    events = [
        {
            "action.name": name,
            "action.category": "authenticate",
            "action.outcome": "success" if outcome == "Success" else "failure",
            "resource.id": target,
            "device.id": device,
            GAP: 3.0,
        }
        for name, outcome, target, device in zip(
            kind, rows["outcome"], rows["dst_computer"], rows["src_computer"], strict=True
        )
    ][:LOGONS_AT_MOST]
    size = LOGONS_A_SESSION
    return [
        RecordedSession(BEGINNING + place * DAY // 4, events[place * size : (place + 1) * size])
        for place in range(len(events) // size)
    ]
