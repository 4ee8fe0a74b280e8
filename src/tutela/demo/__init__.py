"""The whole house on one machine: real servers, invented people, ordinary photographs."""
