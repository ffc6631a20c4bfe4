"""The shapes of notifications' HTTP API."""
