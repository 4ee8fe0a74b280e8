"""The register's views: thin, each declares its access."""
