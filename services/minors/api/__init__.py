"""HTTP in, HTTP out: what the minors service has beside the routes of its mechanisms."""
