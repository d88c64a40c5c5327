"""Examples and requests with the same key, compared feature by feature: columns, not rows; no Beam."""
