"""The jobs of Slipcast behind HTTP: `slipcast serve`, its workers, its tenants. Needs the extra `service`."""
