"""Real PostgreSQL and Kafka as processes, from pinned packages. They need no Docker, Java or database."""
