"""The manners every service shares at its HTTP door."""
