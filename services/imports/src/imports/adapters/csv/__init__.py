"""CSV: delimited text in whatever encoding."""
