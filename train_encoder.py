"""Train an encoder on a file of frames: the same as `morphsim train-encoder`."""

import sys

from morphsim.cli import main

raise SystemExit(main(["train-encoder", *sys.argv[1:]]))
