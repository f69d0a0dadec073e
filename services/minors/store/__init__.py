"""What the minors service keeps beside its matters."""
