"""What flows through the house: frozen, typed records and their files."""
