"""What the service remembers: one database, SQLite on one machine or PostgreSQL for several."""
