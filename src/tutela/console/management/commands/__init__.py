"""Django management commands of the console."""
