"""The dream as a page in a browser."""
