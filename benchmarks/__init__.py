"""Long proofs, each a command of its own; see README.md here."""
