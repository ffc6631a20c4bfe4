"""What the service answers over HTTP."""

from availability.api.calendars import router as calendars_router
from availability.api.entries import router as entries_router
from availability.api.schedules import router as schedules_router
from availability.api.slots import router as slots_router

ROUTERS = (schedules_router, entries_router, slots_router, calendars_router)

__all__ = ["ROUTERS"]
