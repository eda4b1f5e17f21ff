"""How good the lists are, and whether a difference is more than chance."""
