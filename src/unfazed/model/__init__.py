"""Model families, one a file: each has `embed(x, length) -> [B, D]` and `forward = head(embed) -> [B, K]`."""
