"""The notifier's rules; pure."""
