"""Being asked to stop."""

import signal
import threading
from queue import SimpleQueue


def set_on_signals(stop: threading.Event, *numbers: int) -> None:
    """Sets `stop` when one of these signals comes, however many and however fast.

    A handler interrupts the main thread, which may hold the very lock that `Event.set` takes. So it says it to a queue,
    which may be interrupted anywhere, and a thread of its own sets the event.
    """
    asked: SimpleQueue[int] = SimpleQueue()

    def pass_on() -> None:
        asked.get()
        stop.set()

    threading.Thread(target=pass_on, daemon=True).start()
    for number in numbers:
        signal.signal(number, lambda number, _frame: asked.put(number))
