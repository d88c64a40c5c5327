"""The parts of the jobs that make a baseline: `prepare` from examples, `adopt` from TFX's artifacts."""
