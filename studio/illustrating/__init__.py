"""One article, several crafts: pictures drawn for its sections, and put where they belong."""
