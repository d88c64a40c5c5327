"""What a run measured, for other systems: Prometheus, OpenTelemetry and OpenLineage."""
