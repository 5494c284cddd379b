"""The wire: what callers send (`requests`) and are sent (`decision`, `responses`), as strict models."""
