"""The command line: wiring only. main.py holds the table of commands, each command is a file of its own."""
