"""Suites that every modality, model and loader must pass, ours or a user's."""
