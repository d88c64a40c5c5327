"""What was done to a feature that differs: its cause, from both sides' statistics."""
