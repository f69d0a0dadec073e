"""Counting of statutory periods: pure, no wall clock, no I/O."""
