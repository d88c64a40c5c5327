"""How well a model does: recorded at export, and estimated for a window without labels."""
