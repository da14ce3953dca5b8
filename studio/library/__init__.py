"""What was made: works and their versions, files, drafts, presets, and how they are found again."""
