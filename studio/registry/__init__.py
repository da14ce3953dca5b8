"""Which models exist, where their weights come from, and where they are now."""
