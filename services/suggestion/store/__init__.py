"""What the suggestion service keeps beside its matters."""
