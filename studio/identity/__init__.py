"""Who is asking, what they may, how much of it, and what was done."""
