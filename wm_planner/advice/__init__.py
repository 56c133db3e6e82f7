"""Asking a policy server what it would do, without waiting for it longer than a plan can."""
