"""SiameseSpeakerEncoder and its training.

=======================  ====================================================================
``_siamese_encoder.py``  the estimator and the checks of its input
``_part.py``             what a part is built from: its class and the arguments given
``_parts.py``            the names of parts, the settings of a fit, how modules are built
``_training.py``         one fit: recordings, modules, net, and what happens in its epochs
``_closed_form.py``      where the default network starts
``_loop.py``             what it loops over: recordings in batches of crops
``_validation.py``       a callback: tasks on speakers held out
``_checkpoint.py``       a callback: a file from which a training goes on
=======================  ====================================================================

The first two import no torch; the estimator imports the others in its first fit.
"""

from ._siamese_encoder import SiameseSpeakerEncoder

__all__ = ["SiameseSpeakerEncoder"]
