"""What must be there before the server starts: a free address, a registered model and compiled features.

Without a model that answers, the one that ships with session-trust is registered; nothing is trained. Training is known
as a command only.
"""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping

from features.model.registered_version import RegistryUnavailable, has_version
from features.settings import Settings
from serving.launch.process import python_environment
from serving.launch.readiness import print_progress

HEARTBEAT_SECONDS = 3.0
"""How often a stage that takes long says that it is still at work."""
REGISTER = ("training.promotion.shipping",)
COMPILE = ("serving.launch.compile",)
_MAY_BE_READ = (".yaml", ".yml", ".json")
"""How the names of catalogues end, and of files that are meant as one."""


def prepare(settings: Settings) -> int:
    """Make everything ready for the server; returns an exit code, 0 when it can start."""
    if is_taken(settings.host, settings.port):
        address = f"{settings.host}:{settings.port}"
        print_progress(f"{address} is taken: stop what listens there, or set SESSION_TRUST_PORT to another port")
        return 1
    settings.ensure_home()
    champion = f"{settings.model_name}@{settings.model_alias}"
    try:
        if has_version(settings, settings.model_alias):
            return 0
    except RegistryUnavailable as error:
        print_progress(f"the model registry cannot be read: {error}")
        return 0
    print_progress(
        f"no model is {champion} yet: registering the one that ships with session-trust (trained on simulated data)"
    )
    return _run_beside({"registering the model": REGISTER, "compiling features and tables": COMPILE})


def configuration_fault(settings: Settings) -> str | None:
    """Why the service cannot start with this policy and the catalogues beside it; None when it can.

    The server would fail as well, below a page of traceback.
    """
    if not settings.policy and not any(path.suffix.lower() in _MAY_BE_READ for path in settings.home.glob("*.*")):
        return None  # the built-in policy is sound, and reading it takes a second of imports
    from serving.deployment.catalogue_files import load_catalogues
    from serving.model.active import catalogue_folder, policy_file
    from serving.policy.schema import Policy, PolicyError

    try:
        Policy.load(policy_file(settings))
        load_catalogues(catalogue_folder(settings))
    except PolicyError as error:
        return f"a file is refused, and without it nothing can be decided: {error}"
    return None


def is_taken(host: str, port: int) -> bool:
    """Whether something else listens on an address of this machine."""
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


def _run_beside(stages: Mapping[str, tuple[str, ...]]) -> int:
    """Run modules as processes beside each other and say what is still at work; shows the output of one that fails."""
    began = reported = time.monotonic()
    with tempfile.TemporaryFile() as output:
        running = {
            stage: subprocess.Popen(
                [sys.executable, "-m", *command], env=python_environment(), stdout=output, stderr=output
            )
            for stage, command in stages.items()
        }
        codes: dict[str, int] = {}
        while running:
            for stage in [stage for stage, process in running.items() if process.poll() is not None]:
                codes[stage] = running.pop(stage).returncode
                print_progress(
                    f"{stage}: {'done' if codes[stage] == 0 else 'FAILED'} after {time.monotonic() - began:.0f} s"
                )
            if running and time.monotonic() - reported >= HEARTBEAT_SECONDS:
                reported = time.monotonic()
                print_progress(f"{', '.join(running)}: {reported - began:.0f} s so far")
            time.sleep(0.05)
        if any(codes.values()):
            output.seek(0)
            os.write(sys.stderr.fileno(), output.read())
        return max(codes.values())
