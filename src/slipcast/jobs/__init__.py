"""The use cases without a screen, and how many of them run at a time."""
