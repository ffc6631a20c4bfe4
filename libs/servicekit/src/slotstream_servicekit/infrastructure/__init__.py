"""Real PostgreSQL and Kafka as plain processes, from pinned packages: no Docker, Java or database beforehand."""
