"""A model's answers as features: on the data that it was exported with, and in logs. No Beam."""
