"""The HTTP side: FastAPI routers over the queue, the store and the tenants; no work is done here."""
