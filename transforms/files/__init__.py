"""Files and folders on every file system, TFRecord framing, windows of time, leases."""
