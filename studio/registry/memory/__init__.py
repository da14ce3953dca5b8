"""What fits where: the memories, what is known of each model's needs, who goes where, and who has to leave."""
