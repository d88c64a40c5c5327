"""What carries records: JSON lines, CSV, Avro, Parquet, TFRecord. Bytes to records or columns."""
