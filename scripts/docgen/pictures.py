"""Pictures of the investigator's pages, taken in a real Chromium from a running service."""

from __future__ import annotations

import shutil
import subprocess
import urllib.request
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.lib.client import ROOT, Service

IMAGES = ROOT / "docs/images"
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


def take_all(service: Service, decision_id: str) -> None:
    """Every picture the documentation shows."""
    take(service, f"/investigate/decisions/{decision_id}", IMAGES / "decision-page.png")
