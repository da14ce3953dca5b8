"""Where the library's rows are: SQLite beside the studio, or PostgreSQL."""
