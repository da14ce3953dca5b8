"""The web server: who gets in, what each route asks for, whose turn it is, and how it starts and ends."""
