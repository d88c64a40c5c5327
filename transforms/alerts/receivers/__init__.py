"""Who gets alerts, one file a receiver: its settings, its limits, and how text is escaped for it."""
