"""`python -m serving.launch.compile`: compiles the features and the network tables into the home folder.

A server does the same at its start. A process of its own does it while another one registers the model.
"""

from __future__ import annotations

from features.engine.online import step
from features.enrichment.ip_lookup import lookup
from features.settings import get_settings


def main() -> None:
    """Compile both; whatever is compiled already stays as it is."""
    step().compile()
    lookup(get_settings().network_tables)


if __name__ == "__main__":
    main()
