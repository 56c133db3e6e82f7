"""Drive a learned world model by hand."""
