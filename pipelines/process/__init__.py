"""The process of a command: it ends all that it started and cleans up when a signal comes."""
