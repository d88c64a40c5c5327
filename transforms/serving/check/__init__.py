"""What a candidate for serving makes of the baseline's probes. No Beam."""
