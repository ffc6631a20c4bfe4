"""What calendar-sync answers over HTTP."""

from calendar_sync.api.connections import router as connections_router
from calendar_sync.api.context import ApiContext
from calendar_sync.api.feeds import router as feeds_router

__all__ = ["ApiContext", "connections_router", "feeds_router"]
