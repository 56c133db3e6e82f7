"""Serving a policy to whoever speaks openpi's protocol."""
