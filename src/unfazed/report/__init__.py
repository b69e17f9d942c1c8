"""What a run tells people: the facts as JSON, a page, and a model card. Computed from the run's files alone."""
