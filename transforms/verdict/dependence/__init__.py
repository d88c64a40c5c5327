"""Whether features still go together as they did in training."""
