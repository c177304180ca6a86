"""Binary FBX."""
