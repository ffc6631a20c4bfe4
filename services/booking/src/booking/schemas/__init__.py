"""The shapes of booking's HTTP API."""
