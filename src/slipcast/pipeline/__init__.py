"""One picture in, one asset out."""
