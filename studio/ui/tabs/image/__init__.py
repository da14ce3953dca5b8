"""The designer's tab: one file for each part of its form and for what can be done with a picture."""
