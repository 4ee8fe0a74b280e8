"""The hub's routes: `ispws` for providers' programs, the others for people at the console."""
