"""Rules on the protos of a SavedModel, without loading it. No Beam."""
