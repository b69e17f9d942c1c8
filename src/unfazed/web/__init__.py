"""The page where a person checks labels, and the server behind it."""
