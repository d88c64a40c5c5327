"""`trueserve check`: what a candidate for serving makes of the baseline's probes, against what it must."""
