"""Statistics of both sides to findings, findings to a verdict. No Beam."""
