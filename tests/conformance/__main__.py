"""The conformance kit of the Open Inference Protocol. `README.md` says how it is used."""

import sys

try:
    from command import main
except ModuleNotFoundError as error:
    print(f"{sys.executable} has no package that the kit needs: {error}", file=sys.stderr)
    sys.exit(77)

sys.exit(main())
