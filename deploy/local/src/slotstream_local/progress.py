"""What `up` tells while it works: one line per step, with its time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console


class Progress:
    """Prints steps as they begin and end; steps may run beside each other."""

    def __init__(self, console: Console) -> None:
        self.console = console

    @contextmanager
    def step(self, title: str, *, note: str = "") -> Iterator[None]:
        began = time.monotonic()
        self.console.print(f"  [dim]… {title}{f' ({note})' if note else ''}[/dim]")
        try:
            yield
        except BaseException:
            self.console.print(f"  [red]✗ {title}[/red]")
            raise
        self.console.print(f"  [green]✓[/green] {title} [dim]{time.monotonic() - began:.1f} s[/dim]")

    def say(self, sentence: str) -> None:
        """Something that happened outside the steps, with the time of day."""
        self.console.print(f"[dim]{time.strftime('%H:%M:%S')}[/dim] {sentence}")
