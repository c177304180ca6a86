"""The processes that do the work: one job at a time each, the conversion itself in a child with limits."""
