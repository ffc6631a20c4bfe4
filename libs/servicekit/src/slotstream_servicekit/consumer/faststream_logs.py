"""FastStream's logger, through the log handlers of this process."""

import logging


def faststream_logger() -> logging.Logger:
    """A logger for a broker: warnings and errors, through the handlers of this process."""
    # Not a child of "faststream": that logger prints every record in colours, with a handler of its own.
    logger = logging.getLogger("slotstream_servicekit.consumer.broker")
    logger.setLevel(logging.WARNING)
    if _is_news not in logger.filters:
        logger.addFilter(_is_news)
    return logger


def _is_news(line: logging.LogRecord) -> bool:
    # FastStream logs this at every start of a subscriber that does not create its topics.
    return "Make sure the topics exist" not in line.getMessage()
