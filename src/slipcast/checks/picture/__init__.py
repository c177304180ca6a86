"""What a picture is judged by."""
