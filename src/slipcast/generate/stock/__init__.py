"""Pictures that were bought before."""
