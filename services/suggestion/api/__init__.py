"""HTTP: the figures and the yearly assessments."""
