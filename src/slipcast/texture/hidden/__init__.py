"""The front's regions -> the colours of what one picture does not show."""
