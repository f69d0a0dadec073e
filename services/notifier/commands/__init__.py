"""The verbs of the notifier."""
