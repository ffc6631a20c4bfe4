"""Commands of other services: checked, done once, and answered, in sets."""

from booking.usecases.commands.answering import KNOWN_COMMANDS, answer_commands
from booking.usecases.commands.asked import Asked

__all__ = ["KNOWN_COMMANDS", "Asked", "answer_commands"]
