"""Commands of other services: checked, done once, and answered, in sets."""

from booking.usecases.commands.answering import KNOWN_COMMANDS, answer_commands
from booking.usecases.commands.received import ReceivedCommand

__all__ = ["KNOWN_COMMANDS", "ReceivedCommand", "answer_commands"]
