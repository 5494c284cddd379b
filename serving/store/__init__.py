"""The database: histories and events, the decision log in its hash chain, session state, verdicts, API keys."""
