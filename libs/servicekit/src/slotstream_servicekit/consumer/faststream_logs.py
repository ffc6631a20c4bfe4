"""What FastStream logs, in this process's own way."""

import logging


def faststream_logger() -> logging.Logger:
    """A logger for a broker: warnings and worse, through the handlers of this process."""
    # Not one below "faststream": that one prints every record, in colours, past the handlers of this process.
    logger = logging.getLogger("slotstream_servicekit.consumer.broker")
    logger.setLevel(logging.WARNING)
    if _is_news not in logger.filters:
        logger.addFilter(_is_news)
    return logger


def _is_news(line: logging.LogRecord) -> bool:
    # Said at every start of every subscriber of those who let a topics job create their topics.
    return "Make sure the topics exist" not in line.getMessage()
