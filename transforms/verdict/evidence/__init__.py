"""How far both sides differ, and how likely chance alone makes that."""
