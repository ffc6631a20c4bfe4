"""Read-only iCalendar subscriptions (RFC 5545 over HTTP)."""
