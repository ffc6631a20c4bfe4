"""What calendar-sync answers over HTTP."""

from calendar_sync.api.connections import router as connections_router
from calendar_sync.api.dependencies import Dependencies
from calendar_sync.api.feeds import router as feeds_router

__all__ = ["Dependencies", "connections_router", "feeds_router"]
