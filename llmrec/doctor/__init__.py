"""What works here, and what to do where something does not."""
