"""Where crafts and library meet: what of a result is kept, and what is taken in from elsewhere."""
