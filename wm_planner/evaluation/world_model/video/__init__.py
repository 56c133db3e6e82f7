"""Imagined video beside the frames that came: likeness, objects, movement, variety."""
