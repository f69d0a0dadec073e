"""Rules that a table cannot say; pure."""
