"""The pinned stacks of dependencies, and the choice among them."""
