"""What is known of a row beside its features: time, version, rules, sampling rate."""
