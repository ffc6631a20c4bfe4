"""What the dashboard answers over HTTP."""
