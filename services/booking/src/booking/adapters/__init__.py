"""Formats of other programs, behind Protocols of the domain."""
