"""What the page remembers: forms, drafts, and where a result is kept."""
