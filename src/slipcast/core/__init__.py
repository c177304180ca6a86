"""What every room knows, and what knows no room."""
