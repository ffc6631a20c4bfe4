"""What notifications does by the clock."""

from notifications.worker.daily import resealing, telling_channels
from notifications.worker.housekeeping import sweeps
from notifications.worker.replanner import Replanner
from notifications.worker.sender import Sender

__all__ = ["Replanner", "Sender", "resealing", "sweeps", "telling_channels"]
