"""Decides one request from inputs the engine gathered: floors, proofs, ruling, remedies. No store, clock or HTTP."""
