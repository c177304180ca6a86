"""USDZ, through usd-core."""
