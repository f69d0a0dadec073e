"""What a mechanism declares secret: sealed on the way in, read for a purpose, each reading written down."""
