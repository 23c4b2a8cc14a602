"""`python -m morphsim` is the command `morphsim`."""

from morphsim.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
