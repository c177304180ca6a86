"""What is kept on disk between runs, and who may work on it."""
