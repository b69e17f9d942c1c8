"""What people ask for: train, evaluate, predict. Wiring only: read, call, write a run."""
