"""What imports answers over HTTP."""

from imports.api.context import ApiContext
from imports.api.imports import router as imports_router
from imports.api.review import router as review_router

__all__ = ["ApiContext", "imports_router", "review_router"]
