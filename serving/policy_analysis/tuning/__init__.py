"""Thresholds chosen from budgets over past requests."""
