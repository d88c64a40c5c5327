"""The flags of the commands that keep a series of windows."""
