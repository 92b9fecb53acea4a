"""python -m pipeline"""

import gc

gc.disable()  # none of the objects that modules make is garbage; to look for some took a fifth of the start

from pipeline.cli.app import main  # noqa: E402

gc.freeze()  # nor is any when the process ends
gc.enable()

if __name__ == "__main__":
    main()
