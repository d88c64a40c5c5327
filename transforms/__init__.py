"""What runs in a Beam graph, from the bytes of a log to the published verdict; PTransforms on top."""
