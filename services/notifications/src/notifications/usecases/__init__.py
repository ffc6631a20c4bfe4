"""What notifications can do."""
