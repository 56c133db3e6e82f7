"""What a world model imagines, measured beside what then happens: one metric in each file."""
