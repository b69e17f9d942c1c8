"""`python -m unfazed` is `unfazed`."""

from unfazed.cli import main

main()
