"""Labels that came late: what is asked of them, and what they say of an estimate."""
