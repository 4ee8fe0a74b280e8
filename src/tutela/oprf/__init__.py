"""Group arithmetic for private matching: ristretto255, by libsodium."""
