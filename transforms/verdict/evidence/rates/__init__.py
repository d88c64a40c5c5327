"""How many false alarms: of one comparison, and over time."""
