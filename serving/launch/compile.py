"""`python -m serving.launch.compile`: compiles the features, the network tables and Python's bytecode of the server.

A server does the same at its start. A process of its own does it while another one registers the model.
"""

from __future__ import annotations

import importlib

from features.engine.online import step
from features.enrichment.ip_lookup import lookup
from features.settings import get_settings

SERVER = ("bentoml_cli.cli", "_bentoml_impl.worker.service", "uvicorn", "serving.service")
"""What the server's processes import: importing it once writes the bytecode."""


def main() -> None:
    """Compile all of it; whatever is compiled already stays as it is."""
    step().compile()
    lookup(get_settings().network_tables)
    for module in SERVER:
        importlib.import_module(module)


if __name__ == "__main__":
    main()
