"""`python -m cds` is the command `ranvier`."""

from cds.cli import main

main()
