"""Which models exist, and what they need."""
