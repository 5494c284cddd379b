"""`GET /docs` in a real browser: it shows every operation, and loads nothing but the service's own files."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.live_server import Server

from serving.api.routes import ROUTES

CHROMIUM = shutil.which("chromium")
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=20000",
    "--enable-logging=stderr",
    "--dump-dom",
)


@dataclass(frozen=True)
class Visit:
    """What a browser made of a page: its final DOM, console messages, and the addresses the page loaded."""

    dom: str
    console: str
    loaded: frozenset[str]


@pytest.fixture(scope="module")
def visit(small: Server, tmp_path_factory: pytest.TempPathFactory) -> Visit:
    """The service's root, open_store without a key."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    folder = tmp_path_factory.mktemp("chromium")
    log = folder / "net.json"
    command = [CHROMIUM, *OPTIONS, f"--user-data-dir={folder / 'profile'}", f"--log-net-log={log}", f"{small.url}/"]
    browser = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    console = "\n".join(line for line in browser.stderr.splitlines() if ":CONSOLE" in line)
    return Visit(browser.stdout, console, loaded_by_pages(log))


def loaded_by_pages(log: Path) -> frozenset[str]:
    """The addresses that pages requested, by Chromium's network log. What the browser requests on its own account, such
    as updates, is not initiated by a page."""
    text = log.read_text()
    events = json.loads(text if text.rstrip().endswith("}") else text.rstrip().rstrip(",") + "]}")["events"]
    requests = [event["params"] for event in events if "initiator" in event.get("params", {})]
    return frozenset(each["url"] for each in requests if each["initiator"] != "not an origin")


def test_the_root_leads_to_the_documentation(small: Server) -> None:
    """For a browser that is pointed at the service."""
    response = small.client.get("/")

    assert response.status_code == 307
    assert response.headers["location"] == "/docs"


def test_the_page_shows_every_operation(visit: Visit) -> None:
    """Rendered by Swagger UI from /docs.json."""
    shown = re.findall(r'opblock-summary-path" data-path="([^"]*)"', visit.dom)

    assert sorted(shown) == sorted(route.path for route in ROUTES)


def test_the_page_loads_the_services_own_files_only(small: Server, visit: Visit) -> None:
    """Script, style, icon and document; no font, map or validator from elsewhere."""
    files = (
        "/docs.json",
        "/docs/favicon-32x32.png",
        "/docs/start.js",
        "/docs/swagger-ui-bundle.js",
        "/docs/swagger-ui.css",
    )

    assert visit.loaded == {small.url + file for file in files}


def test_the_page_keeps_to_its_content_security_policy(small: Server, visit: Visit) -> None:
    """The policy allows nothing inline and nothing foreign, and the browser has nothing to report."""
    policy = small.client.get("/docs").headers["content-security-policy"]

    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert "unsafe" not in policy
    assert visit.console == ""


def test_no_other_file_of_the_package_is_served(small: Server) -> None:
    """Only those that the page needs."""
    assert small.client.get("/docs/swagger-ui.js").status_code == 404
    assert small.client.get("/docs/..%2f__init__.py").status_code in (401, 404)
