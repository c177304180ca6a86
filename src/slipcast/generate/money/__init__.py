"""What pictures cost and what was spent."""
