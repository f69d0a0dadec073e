"""The verbs of the minors service beside those of its mechanisms."""
