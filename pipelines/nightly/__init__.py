"""Commands that keep a series of windows: one file a model, one command a night."""
