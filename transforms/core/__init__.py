"""What every other folder may use: errors, counts, batches, the schema. No Beam."""
