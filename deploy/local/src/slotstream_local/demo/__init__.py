"""`make demo`: an example organization on the running stack."""

from slotstream_local.demo.story import demo

__all__ = ["demo"]
