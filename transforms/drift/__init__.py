"""Windows compared with earlier windows: since the last one, and slowly over many."""
