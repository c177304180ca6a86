"""What judges Slipcast and is no part of it: the protocol, the textbook pipeline it is compared with, the bench."""
