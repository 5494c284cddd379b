"""The policy file: its typed schema, its loader, the built-in `policy.yaml`, and the tables that show it."""
