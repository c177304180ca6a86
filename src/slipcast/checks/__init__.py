"""What a picture, a depth map, a mesh and a result are judged by."""
