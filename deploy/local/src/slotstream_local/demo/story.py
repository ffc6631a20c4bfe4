"""Placeholder while the services' APIs land."""

from rich.console import Console

from slotstream_local.layout import Layout


def demo(layout: Layout, console: Console) -> int:
    del layout
    console.print("not yet")
    return 1
