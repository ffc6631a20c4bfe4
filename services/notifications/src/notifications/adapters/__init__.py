"""Vendors: mail servers, the template engine, calendars and locales."""
