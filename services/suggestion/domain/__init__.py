"""What a history says, read without input or output."""
