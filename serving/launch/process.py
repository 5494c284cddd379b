"""Turns this process into the server, wherever the packages are installed and whatever the working folder is."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from features.settings import Settings

PACKAGES = Path(__file__).resolve().parents[2]
"""The folder that holds the packages `features`, `serving` and `training`."""
SERVICE = "serving.service:SessionTrust"


def python_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment in which a Python process imports these packages, not those of the working folder.

    BentoML puts the working folder in front of all others unless it is on the path already, hence its place at the end.
    """
    paths = [str(PACKAGES), *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep)), os.getcwd()]
    return {**environment, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)), "PYTHONSAFEPATH": "1"}


def become_server(settings: Settings) -> NoReturn:
    """Replace this process by BentoML's server on the settings' address: its signals and exit code are the server's."""
    environment = python_environment()
    environment.setdefault("BENTOML_DO_NOT_TRACK", "True")
    environment.setdefault("BENTOML_HOME", str(settings.home / "bentoml"))
    environment.setdefault("OMP_NUM_THREADS", "1")
    environment["FORWARDED_ALLOW_IPS"] = settings.trusted_proxies
    address = ["--host", settings.host, "--port", str(settings.port)]
    os.execve(sys.executable, [sys.executable, "-m", "bentoml", "serve", SERVICE, *address], environment)
