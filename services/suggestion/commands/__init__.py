"""What is done when other services, or this one, say something."""
