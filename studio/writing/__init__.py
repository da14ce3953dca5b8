"""The writer's craft: brief, outline, sections, article, export."""
