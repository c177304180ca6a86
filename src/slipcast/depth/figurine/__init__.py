"""The bundled model: front and back of figurines."""
