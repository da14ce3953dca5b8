"""One file for each tab; a folder where a tab has many parts."""
