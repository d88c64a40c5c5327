"""The output folder: how a run is committed, and which earlier runs lie there."""
