"""How often a provider is asked."""
