"""Fixtures that service tests and end-to-end tests share; `plugin` is the pytest plugin."""
