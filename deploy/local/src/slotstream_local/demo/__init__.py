"""`make demo`: an example organization on the running stack, or on a cluster."""

from slotstream_local.demo.stage import Stage, running_stack
from slotstream_local.demo.story import demo

__all__ = ["Stage", "demo", "running_stack"]
