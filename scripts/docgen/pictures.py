"""Pictures of the investigator's pages, taken in a real Chromium from a running service."""

from __future__ import annotations

import shutil
import subprocess
import urllib.request
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scripts.docgen import ROOT
from serving.launch.client import Service

IMAGES = ROOT / "docs/images"
SATURDAY = 5
OFFICE_WORK = (("crm:OpenCustomer", "read"), ("crm:ListCustomers", "list"), ("crm:SaveNote", "write"))
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
WIDTH, HEIGHT = 900, 1280
"""Pixels of a picture: a page's width as it is read, and its first screens."""


class NoBrowser(RuntimeError):
    """No Chromium is installed; the message says how to install one."""


def browser() -> str:
    """The browser's program; raises NoBrowser."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    raise NoBrowser("no Chromium found. On Debian: apt-get install chromium")


def take(service: Service, path: str, picture: Path) -> None:
    """Open a page of the service and keep what a person sees. The page is fetched with the service's key and opened as
    a file, since a browser without a person cannot fill in the log-in form; nothing is changed in it."""
    request = urllib.request.Request(
        service.url + path, headers={"Authorization": f"Bearer {service.key_file.read_text().strip()}"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        html = answer.read()
    with TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        page.write_bytes(html)
        picture.parent.mkdir(exist_ok=True)
        subprocess.run(
            [
                browser(),
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                "--force-device-scale-factor=1",
                f"--user-data-dir={folder}/profile",
                f"--window-size={WIDTH},{HEIGHT}",
                f"--screenshot={picture}",
                page.as_uri(),
            ],
            capture_output=True,
            check=True,
            timeout=120,
        )


def take_all(service: Service) -> None:
    """Every picture the documentation shows."""
    take(service, f"/investigate/decisions/{odd_export(service)}", IMAGES / "decision-page.png")


def odd_export(service: Service) -> str:
    """The decision about an export from another network and device, after three weeks of office days; invented."""
    now = datetime.now(UTC)
    who = "grace"
    days = [now - timedelta(days=day) for day in range(21, 0, -1) if (now - timedelta(days=day)).weekday() < SATURDAY]
    _call(service, "/events", [_office_event(who, day, hour) for day in days for hour in range(6)])
    elsewhere = _office_event(who, now, 0) | {
        "time": now.isoformat(),
        "session": {"id": f"{who}-{now:%F}", "started_at": (now - timedelta(minutes=50)).isoformat()},
        "action": {"name": "crm:ExportContacts", "category": "export", "impact": "high", "reversible": True},
        "resource": {"id": "contacts", "type": "table", "sensitivity": "confidential", "environment": "production"},
        "network": {"ip": "198.51.100.9", "asn": 64499, "country": "BR", "hosting": True, "anonymizer": False}
        | {"latitude": -23.5, "longitude": -46.6, "reputation": 0.2},
        "device": {"id": "unseen", "managed": False, "compliant": True, "user_agent": "python-requests/2.31.0"},
    }
    return str(_call(service, "/score", {"event": elsewhere})["decision_id"])


def _office_event(who: str, day: datetime, hour: int) -> dict[str, Any]:
    """One of six requests of an office day: reading and writing customer records from the usual desk."""
    start = day.replace(hour=8, minute=day.day % 30, second=0)
    name, category = OFFICE_WORK[hour % len(OFFICE_WORK)]
    return {
        "id": f"{who}-{start:%F}-{hour}",
        "time": (start + timedelta(minutes=67 * hour)).isoformat(),
        "identity": {"id": who, "type": "human", "role": "sales"},
        "session": {"id": f"{who}-{start:%F}", "started_at": start.isoformat()},
        "action": {"name": name, "category": category, "impact": "low", "reversible": True, "outcome": "success"},
        "resource": {
            "id": f"customer-{hour}",
            "type": "record",
            "sensitivity": "internal",
            "environment": "production",
        },
        "network": {"ip": "192.0.2.7", "asn": 64496, "country": "DE", "hosting": False, "anonymizer": False}
        | {"latitude": 52.5, "longitude": 13.4, "reputation": 0.0},
        "device": {"id": "laptop", "managed": True, "compliant": True, "user_agent": BROWSER},
        "authentication": {"amr": ["pwd", "otp"], "time": start.isoformat(), "aal": 2},
        "credential": {"id": f"{who}-{start:%F}", "kind": "session_cookie", "issued_at": start.isoformat()}
        | {"exposed": False, "privileged": False, "environment": "production"},
    }


def _call(service: Service, path: str, body: object) -> dict[str, Any]:
    status, answer = service.call(path, body)
    if status != HTTPStatus.OK:
        raise RuntimeError(f"{path} answered {status}: {answer}")
    return dict(answer)
