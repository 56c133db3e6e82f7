"""Bringing an arm of one's own: its description in, its file, its simulation and checks out."""
