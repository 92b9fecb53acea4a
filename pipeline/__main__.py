"""python -m pipeline"""

import gc
import signal

heard = signal.getsignal(signal.SIGINT)  # SIG_IGN where a script has started us in its background
if heard is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing has begun yet that Ctrl-C would have to end in order
gc.disable()  # none of the objects that modules make is garbage; to look for some took a fifth of the start

from pipeline.cli.app import main  # noqa: E402

gc.freeze()  # nor is any when the process ends
gc.enable()
signal.signal(signal.SIGINT, heard)

if __name__ == "__main__":
    main()
