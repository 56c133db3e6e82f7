"""What watches a running model: whether what is seen is what was foreseen."""
