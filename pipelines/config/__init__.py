"""One file a model: its TOML is read, and checked as a whole before anything starts."""
