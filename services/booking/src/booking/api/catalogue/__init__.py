"""The catalogue over HTTP."""

from booking.api.catalogue.actions import router as actions
from booking.api.catalogue.businesses import router as businesses
from booking.api.catalogue.resources import router as resources
from booking.api.catalogue.services import router as services

routers = (businesses, resources, services, actions)

__all__ = ["routers"]
