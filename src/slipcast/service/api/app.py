"""The application: routers, headers, ids, measuring. One a process; it keeps no state of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from slipcast._version import __version__
from slipcast.service.api import account, admin, files, health, hooks, jobs, meshy
from slipcast.service.api.broadcast import Broadcast
from slipcast.service.api.errors import add_handlers
from slipcast.service.api.limits import Limits
from slipcast.service.api.middleware import LimitBody, Measure
from slipcast.service.api.service import Service, read_secret
from slipcast.service.database.engine import Database
from slipcast.service.metrics import Metrics
from slipcast.service.pages import routes
from slipcast.service.settings import Settings
from slipcast.service.store import Store

_ABOUT = (
    "Pictures or words in, closed, textured 3D assets out. Errors are RFC 9457 problems; creations take an "
    "`Idempotency-Key`; times are seconds since 1970."
)


def create_app(settings: Settings, database: Database, store: Store, metrics: Metrics) -> FastAPI:
    """The application for uvicorn; the database must be at this version."""
    service = Service(
        settings=settings,
        database=database,
        store=store,
        metrics=metrics,
        secret=read_secret(database),
        broadcast=Broadcast(database),
        limits=Limits(database),
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        service.draining = True
        await service.broadcast.close()

    app = FastAPI(
        title="Slipcast",
        version=__version__,
        description=_ABOUT,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,  # it would lead to wherever the Host header says
    )
    app.state.service = service
    for room in (jobs, files, account, hooks, admin, health, meshy, routes):
        app.include_router(room.router)
    add_handlers(app)
    most = (settings.max_upload_mb * settings.max_pictures + 1) * 2**20 * 4 // 3  # base64 takes a third more
    app.add_middleware(LimitBody, most=most)
    app.add_middleware(Measure, service=service)
    return app
