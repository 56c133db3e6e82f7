"""Policies judged inside a world model, beside how they do in simulation."""
