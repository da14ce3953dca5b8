"""What the registry knows of one model: how its engine binds it, and where it is now."""
