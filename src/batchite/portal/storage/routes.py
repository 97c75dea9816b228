"""All pages and changes of the storage."""

from __future__ import annotations

from batchite.portal.routes import Route
from batchite.portal.storage import blobs, containers, downloads, folders, removal, sharing, uploads

ROUTES: tuple[Route, ...] = (
    *containers.ROUTES,
    *folders.ROUTES,
    *removal.ROUTES,
    *blobs.ROUTES,
    *uploads.ROUTES,
    *downloads.ROUTES,
    *sharing.ROUTES,
)
