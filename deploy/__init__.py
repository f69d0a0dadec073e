"""How the suite is put on machines."""
