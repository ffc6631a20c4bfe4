"""What imports answers over HTTP."""

from imports.api.dependencies import Dependencies
from imports.api.imports import router as imports_router
from imports.api.progress import router as progress_router
from imports.api.rows import router as rows_router

__all__ = ["Dependencies", "imports_router", "progress_router", "rows_router"]
