"""A result as a page, and a folder of results as another."""
